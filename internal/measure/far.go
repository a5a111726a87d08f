package measure

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// farVariable makes a program the far side of a job, which it holds as JSON.
const farVariable = "MMRING_BENCH_FAR"

// job is what the far side is started with.
type job struct {
	Contender string
	Shape
	Dir   string
	Files int
	CPU   int
}

// The far side's orders, each with a first number and a count of records. Each is answered by "done" or "error".
const (
	orderSend = "send" // send them
	orderTake = "take" // receive them
	orderEcho = "echo" // receive and send back, one by one
	orderWake = "wake" // receive one by one, and say after each when it came: "at" and a clock's value
)

// IsFar reports whether a session has started this process as its far side, whose whole life then is Far.
func IsFar() bool { return os.Getenv(farVariable) != "" }

// Far joins the contender of this job, one of all, says "ready" and obeys. It does not return: the process exits when its
// stdin ends, whatever it is at, so that none survives the near side.
func Far(all []Contender) {
	if err := serve(all); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(all []Contender) error {
	var j job
	if err := json.Unmarshal([]byte(os.Getenv(farVariable)), &j); err != nil {
		return fmt.Errorf("%s: %w", farVariable, err)
	}
	quiet()
	if err := pin(j.CPU); err != nil {
		return err
	}
	c, err := named(all, j.Contender)
	if err != nil {
		return err
	}
	s := Side{Payload: Payload{j.Size, j.Spoil.Far}, Batch: j.Batch, Far: true, Dir: j.Dir}
	for i := range j.Files {
		s.Files = append(s.Files, os.NewFile(uintptr(3+i), "inherited"))
	}
	orders := make(chan string)
	go listen(orders, j.Dir)
	e, err := c.Join(context.Background(), s)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for line := range orders {
		if err := obey(e, line); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return errors.New("no more orders")
}

// listen passes orders on. When none can come any more, nobody may be left to remove the session's files.
func listen(orders chan<- string, dir string) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		orders <- lines.Text()
	}
	_ = os.RemoveAll(dir)
	os.Exit(0)
}

func obey(e Ends, line string) error {
	var order string
	var first, n uint64
	if _, err := fmt.Sscan(line, &order, &first, &n); err != nil {
		return fmt.Errorf("order %q: %w", line, err)
	}
	switch order {
	case orderSend:
		return e.Send(first, n)
	case orderTake:
		return e.Receive(first, n)
	case orderEcho:
		return echo(e, first, n)
	case orderWake:
		return tellWakes(e, first, n)
	}
	return fmt.Errorf("order %q is not known", line)
}

func echo(e Ends, first, n uint64) error {
	for i := first; i < first+n; i++ {
		if err := e.Receive(i, 1); err != nil {
			return err
		}
		if err := e.Send(i, 1); err != nil {
			return err
		}
	}
	return nil
}

func tellWakes(e Ends, first, n uint64) error {
	for i := first; i < first+n; i++ {
		if err := e.Receive(i, 1); err != nil {
			return err
		}
		fmt.Println("at", clock())
	}
	return nil
}
