package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// farVariable makes the program the far side of a job, which it holds as JSON.
const farVariable = "MMRING_BENCH_FAR"

// job is what the far side is started with.
type job struct {
	Contender string
	Size      int
	Batch     int
	Spoil     uint64
	Dir       string
	Files     int
	CPU       int
}

// The far side's orders, each with a first number and a count of records. Each is answered by "done" or "error".
const (
	orderSend = "send" // send them
	orderTake = "take" // receive them
	orderEcho = "echo" // receive and send back, one by one
	orderWake = "wake" // receive one by one, and say after each when it came: "at" and a clock's value
)

// beFar is the whole life of the far process, if this is one: it joins, says "ready" and obeys. It exits when its stdin
// ends, whatever it is at, so that none survives the near side.
func beFar() {
	text := os.Getenv(farVariable)
	if text == "" {
		return
	}
	if err := serve(text); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	quiet()
	if err := pin(j.CPU); err != nil {
		return err
	}
	c, err := named(j.Contender)
	if err != nil {
		return err
	}
	s := side{payload: payload{j.Size, j.Spoil}, batch: j.Batch, far: true, dir: j.Dir}
	for i := range j.Files {
		s.files = append(s.files, os.NewFile(uintptr(3+i), "inherited"))
	}
	e, err := c.join(context.Background(), s)
	if err != nil {
		return err
	}
	orders := make(chan string)
	go listen(orders)
	fmt.Println("ready")
	for line := range orders {
		if err := obey(e, line); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return nil
}

func listen(orders chan<- string) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		orders <- lines.Text()
	}
	os.Exit(0)
}

func obey(e ends, line string) error {
	var order string
	var first, n uint64
	if _, err := fmt.Sscan(line, &order, &first, &n); err != nil {
		return fmt.Errorf("order %q: %w", line, err)
	}
	switch order {
	case orderSend:
		return e.send(first, n)
	case orderTake:
		return e.receive(first, n)
	case orderEcho:
		return echo(e, first, n)
	case orderWake:
		return tellWakes(e, first, n)
	}
	return fmt.Errorf("order %q is not known", line)
}

func echo(e ends, first, n uint64) error {
	for i := first; i < first+n; i++ {
		if err := e.receive(i, 1); err != nil {
			return err
		}
		if err := e.send(i, 1); err != nil {
			return err
		}
	}
	return nil
}

func tellWakes(e ends, first, n uint64) error {
	for i := first; i < first+n; i++ {
		if err := e.receive(i, 1); err != nil {
			return err
		}
		fmt.Println("at", clock())
	}
	return nil
}
