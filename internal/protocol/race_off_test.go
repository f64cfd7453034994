//go:build !race

package protocol

// raceBuild chooses the smaller searches: under the race detector a step takes many times as long.
const raceBuild = false
