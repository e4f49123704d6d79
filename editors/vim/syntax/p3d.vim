" Descriptions of networks for p3dc.
" Language: docs/language.md
if exists("b:current_syntax")
  finish
endif

syntax case match
syntax iskeyword @,48-57,_,-

" Statements; what some of them name follows.
syntax keyword p3dDeclaration input block batchnorm
syntax keyword p3dDeclaration network nextgroup=p3dName skipwhite
syntax keyword p3dDeclaration names nextgroup=p3dScheme,p3dNames skipwhite
syntax keyword p3dLayer conv pool flatten dropout linear softmax
syntax keyword p3dLayer stage nextgroup=p3dName skipwhite
syntax keyword p3dThen then
syntax match p3dName "\a[[:alnum:]_-]*" contained
syntax match p3dScheme "\a[[:alnum:]_-]*" contained nextgroup=p3dNames skipwhite

syntax keyword p3dSetting resize range mean std
syntax keyword p3dAttribute expansion mix mid epsilon kernel stride pad width blocks
syntax keyword p3dAttribute bias relu features flat floor ceil
syntax keyword p3dAttribute as nextgroup=p3dName skipwhite
syntax keyword p3dAttribute within through nextgroup=p3dPlace skipwhite
syntax keyword p3dPlace contained stage network
syntax keyword p3dValue rgb bgr flow bottleneck basic A B C full spatial split
syntax keyword p3dValue matched first middle max average

" The keys of a names clause mean other things elsewhere.
syntax region p3dNames matchgroup=p3dBrace start="{" end="}" contained contains=p3dNameKey,p3dString,p3dComment
syntax keyword p3dNameKey contained conv conv-norm linear block reduce reduce-norm
syntax keyword p3dNameKey contained spatial spatial-norm temporal temporal-norm
syntax keyword p3dNameKey contained full full-norm flat flat-norm expand expand-norm
syntax keyword p3dNameKey contained project project-norm
syntax keyword p3dNameKey contained weight bias gamma beta mean variance

syntax match p3dBrace "[{}]"
syntax match p3dOperator "\.\.\|/"
syntax match p3dNumber "\<\d\+\(\.\d\+\)\?\([eE][-+]\?\d\+\)\?"
syntax match p3dSize "\<\d\+\(x\d\+\)\+\>"
syntax region p3dString start=+"+ end=+"+ oneline contains=p3dPlaceholder
syntax match p3dPlaceholder "{\l\+}" contained
syntax match p3dComment "#.*" contains=@Spell

highlight default link p3dDeclaration Keyword
highlight default link p3dLayer Function
highlight default link p3dThen Conditional
highlight default link p3dName Identifier
highlight default link p3dScheme Identifier
highlight default link p3dSetting Type
highlight default link p3dAttribute Label
highlight default link p3dPlace Constant
highlight default link p3dValue Constant
highlight default link p3dNameKey Type
highlight default link p3dBrace Delimiter
highlight default link p3dOperator Operator
highlight default link p3dNumber Number
highlight default link p3dSize Number
highlight default link p3dString String
highlight default link p3dPlaceholder Special
highlight default link p3dComment Comment

let b:current_syntax = "p3d"
