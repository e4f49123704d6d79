// Package metamorphic runs pairs of networks, weights and clips whose results must
// be related, whatever they are: it needs no oracle, only that relation.
package metamorphic
