package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/graph"
)

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

var _ = graph.Files

func TestFastZZ(t *testing.T) {
	dir := os.Getenv("FASTDIR")
	if dir == "" {
		t.Skip("no")
	}
	c := contenttest.Large(10000)
	var f *os.File
	if p := os.Getenv("FASTPROF"); p != "" {
		f, _ = os.Create(p)
		pprof.StartCPUProfile(f)
	}
	c0, t0 := cpu(), time.Now()
	s := Build(c, Options{})
	fmt.Println("build", cpu()-c0, time.Since(t0))
	c0, t0 = cpu(), time.Now()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	fmt.Println("write", cpu()-c0, time.Since(t0))
	if f != nil {
		pprof.StopCPUProfile()
	}
	if f != nil {
		f, _ = os.Create(os.Getenv("FASTPROF") + "2")
		pprof.StartCPUProfile(f)
	}
	c0, t0 = cpu(), time.Now()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	fmt.Println("again", cpu()-c0, time.Since(t0))
	if f != nil {
		pprof.StopCPUProfile()
	}
	var r syscall.Rusage
	_ = syscall.Getrusage(0, &r)
	fmt.Println("peak MB", r.Maxrss/1024)
	sum := map[string]int64{}
	num := map[string]int{}
	var all int64
	filepath.Walk(dir, func(p string, i os.FileInfo, err error) error {
		if !i.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			k := filepath.Dir(rel)
			sum[k] += i.Size()
			num[k]++
			all += i.Size()
		}
		return nil
	})
	for k, v := range sum {
		if v > 500000 {
			fmt.Printf("%-20s %6d files %8.1f MB avg %d\n", k, num[k], float64(v)/1e6, v/int64(num[k]))
		}
	}
	fmt.Printf("all %.1f MB\n", float64(all)/1e6)
}
