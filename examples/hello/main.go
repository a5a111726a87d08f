// Hello is two programs in one: with words it publishes them, without it reads them, each run a process of its own.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/mmring/mmring/ring"
)

func main() {
	ctx, path := context.Background(), "/dev/shm/hello.ring"
	if len(os.Args) > 1 { // hello WORDS...: the writer
		w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &ring.Config{}})
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		for _, word := range os.Args[1:] {
			if _, err := w.Publish(ctx, []byte(word)); err != nil {
				log.Fatal(err)
			}
		}
		return
	}
	r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{Name: "hello", Durable: true, WaitForRing: true})
	if err != nil {
		log.Fatal(err)
	}
	for rec := range r.Records(ctx) { // goes on where it stood when it was killed
		fmt.Println(rec.Seq, string(rec.Payload))
	}
	log.Fatal(r.Err())
}
