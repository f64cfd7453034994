package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// profiled runs f for some seconds and writes a CPU profile of it.
func profiled(path string, f func() error) (err error) {
	file, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for start := cpu(); cpu()-start < 5*time.Second; {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
