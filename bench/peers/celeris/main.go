// The benchmark's routes in celeris, on its io_uring engine. It asks for one worker; the engine may take
// more (its documented least is 2), all of them on the one core that the process is pinned to.
package main

import (
	"log"
	"os"

	"github.com/goceleris/celeris"
)

func main() {
	server := celeris.New(celeris.Config{Addr: "127.0.0.1:" + os.Args[1], Engine: celeris.IOUring, Workers: 1})
	server.GET("/", func(c *celeris.Context) error { return c.String(200, "Hello, World!") })
	server.GET("/json", func(c *celeris.Context) error {
		return c.JSON(200, map[string]string{"message": "Hello, World!"})
	})
	server.GET("/users/:id", func(c *celeris.Context) error { return c.String(200, "%s", c.Param("id")) })
	log.Fatal(server.Start())
}
