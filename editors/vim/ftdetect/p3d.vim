autocmd BufRead,BufNewFile *.p3d setfiletype p3d
