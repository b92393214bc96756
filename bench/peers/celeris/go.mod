module celeris-peer

go 1.26

require github.com/goceleris/celeris v1.5.7
