// A walk through CMF's API with a client that was generated from its document into the folder generated.
module github.com/pulumi-cmf/pulumi-cmf/tests/clients/go

go 1.26.0

require github.com/pulumi-cmf/generated v0.0.0

require golang.org/x/oauth2 v0.30.0 // indirect

replace github.com/pulumi-cmf/generated => ./generated
