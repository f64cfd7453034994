// Package census is the second act's stream: persons of the Current Population Surveys of 1994 and 1995, made into a model's inputs by a job of two versions,
// scored by a model that is fitted to the reference, and embedded, so that the demo needs no files.
//
//  1. embed.go: the files.
//  2. release.go: which version of the job makes the inputs of a person, and what it does to them.
//  3. model.go: inputs -> score.
//  4. stream.go: the file's rows -> the events of a time, as lines of CSV, made one by one as they are asked for.
//
// It imports the standard library only. README.md says where the data comes from.
package census
