package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// TestGone: only a process of this machine that is certainly no more counts as dead.
func TestGone(t *testing.T) {
	a, _, _ := world(t, nil)
	a.now = time.Now
	me := a.holder("r", "build")
	if me.PID != os.Getpid() || me.Host == "" || me.Run != "r" || me.Command != "build" {
		t.Fatalf("holder %+v", me)
	}
	if a.gone(me) {
		t.Error("this process is taken for dead")
	}
	elsewhere := me
	elsewhere.Host += "x"
	elsewhere.PID = 1 << 30
	if a.gone(elsewhere) {
		t.Error("a process of another host is judged")
	}
	other := me
	other.Machine += "x"
	other.PID = 1 << 30
	if a.gone(other) {
		t.Error("a process of another name space, or from before the machine started, is judged")
	}
	if a.gone(warehouse.Holder{Run: "r"}) {
		t.Error("a holder without a process is judged")
	}
	if runtime.GOOS == "linux" {
		later := me
		later.Process = "1"
		if !a.gone(later) {
			t.Error("a process that began later is taken for the one that had its number")
		}
		if at := processStart(os.Getpid()); time.Since(at) > 24*time.Hour || time.Until(at) > 2*time.Second {
			t.Errorf("this process began at %v", at)
		}
	}
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	child := me
	child.PID, child.Process = sleep.Process.Pid, processMark(sleep.Process.Pid)
	if a.gone(child) {
		t.Error("a process at work is taken for dead")
	}
	_ = sleep.Process.Kill()
	_ = sleep.Wait()
	if !a.gone(child) {
		t.Error("a process that was killed is taken for one at work")
	}
}
