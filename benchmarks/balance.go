package main

import "context"

func balance(ctx context.Context, o options) error { return nil }
