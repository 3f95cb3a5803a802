// The schema registry of the tests: franz-go's in-memory one (Confluent REST API) on a loopback address, until it is
// killed. Its compatibility check always answers yes.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "address to serve on")
	authorization := flag.String("authorization", "", "Authorization header to ask of every request")
	flag.Parse()
	var options []srfake.Option
	if *authorization != "" {
		options = append(options, srfake.WithAuth(*authorization))
	}
	log.Fatal(http.ListenAndServe(*listen, srfake.NewRegistry(options...).Handler()))
}
