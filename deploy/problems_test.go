package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"
)

const (
	// shutdown is how long a service takes at most to stop by itself: internal/bus gives 20 s to what it writes, 20 s to the
	// end of the transaction and 5 s to leaving the group.
	shutdown = 45 * time.Second
	// beside is the part of mem_limit, in percent, that is not Go's: stacks of threads, SQLite's pages, the page cache.
	beside = 10
)

// exact is an image with one version: three numbers and no word that moves.
var exact = regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+\.\d+(-[a-z0-9.]+)?$`)

// A finder collects what is wrong with one project.
type finder struct {
	t       *testing.T
	project *types.Project
	wrong   []string
}

// problems lists what is wrong, service by service.
func problems(t *testing.T, p *types.Project) []string {
	t.Helper()
	f := &finder{t: t, project: p}
	f.sources()
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		f.image(s)
		f.dependencies(s)
		f.resources(s)
		if s.Build == nil {
			f.strangerPorts(s)
			continue
		}
		f.program(s)
		if values := f.settings(s); values != nil {
			f.addresses(s, values)
			f.ports(s, values)
			f.ledger(s, values)
		}
		f.healthcheck(s)
	}
	f.redis()
	return f.wrong
}

func (f *finder) add(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// inside says why a file is none of this repository's.
func inside(file string) error {
	base, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(base, file); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("%s is outside the repository", file)
	}
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", file)
	}
	return err
}

// sources are the files behind configs and secrets.
func (f *finder) sources() {
	for name, c := range f.project.Configs {
		if err := inside(c.File); err != nil {
			f.add("config %s: %v", name, err)
		}
	}
	for name, s := range f.project.Secrets {
		if err := inside(s.File); err != nil {
			f.add("secret %s: %v", name, err)
		}
	}
}

func (f *finder) image(s types.ServiceConfig) {
	if s.Build == nil {
		if !exact.MatchString(s.Image) {
			f.add("%s: image %s: not one exact version", s.Name, s.Image)
		}
		return
	}
	if base, err := filepath.Abs(root); err != nil || filepath.Clean(s.Build.Context) != base {
		f.add("%s: build: context %s, want the root of the repository", s.Name, s.Build.Context)
	}
	if err := inside(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
		f.add("%s: build: %v", s.Name, err)
	}
	if s.Image == "" || strings.HasSuffix(s.Image, ":latest") || !strings.Contains(s.Image, ":") {
		f.add("%s: image %q: want a tag of its own, not latest", s.Name, s.Image)
	}
}

// once reports whether s ends by itself.
func once(s types.ServiceConfig) bool { return s.HealthCheck != nil && s.HealthCheck.Disable }

func (f *finder) dependencies(s types.ServiceConfig) {
	for on, d := range s.DependsOn {
		other := f.project.Services[on]
		switch {
		case d.Condition == types.ServiceConditionCompletedSuccessfully && once(other):
		case d.Condition != types.ServiceConditionHealthy:
			f.add("%s: depends on %s: condition %s, want %s", s.Name, on, d.Condition, types.ServiceConditionHealthy)
		case other.HealthCheck == nil || other.HealthCheck.Disable || len(other.HealthCheck.Test) == 0:
			f.add("%s: depends on %s: it has no healthcheck", s.Name, on)
		}
	}
}

// resources are memory, restarts and the time to stop.
func (f *finder) resources(s types.ServiceConfig) {
	if s.MemLimit <= 0 {
		f.add("%s: no mem_limit", s.Name)
	}
	want := types.RestartPolicyUnlessStopped
	if once(s) {
		want = types.RestartPolicyNo
	}
	if s.Restart != want {
		f.add("%s: restart %q, want %q", s.Name, s.Restart, want)
	}
	if s.Build == nil {
		return
	}
	if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= shutdown {
		f.add("%s: stop_grace_period %v, want more than %s", s.Name, s.StopGracePeriod, shutdown)
	}
	limit := f.env(s)["GOMEMLIMIT"]
	bytes, err := units.RAMInBytes(limit)
	if err != nil || bytes*100 > int64(s.MemLimit)*(100-beside) {
		f.add("%s: GOMEMLIMIT %s leaves too little of mem_limit %s: %v", s.Name, limit, units.BytesSize(float64(s.MemLimit)), err)
	}
}

func (*finder) env(s types.ServiceConfig) map[string]string {
	out := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			out[name] = *value
		}
	}
	return out
}

// mounts are the files that a service sees, and what they are here.
func (f *finder) mounts(s types.ServiceConfig) map[string]string {
	out := map[string]string{}
	for _, c := range s.Configs {
		out[c.Target] = f.project.Configs[c.Source].File
	}
	for _, c := range s.Secrets {
		target := c.Target
		if target == "" {
			target = c.Source
		}
		if !path.IsAbs(target) {
			target = "/run/secrets/" + target
		}
		out[target] = f.project.Secrets[c.Source].File
	}
	return out
}

// here rewrites the paths that text names in the container to the same files on this machine.
func here(text string, mounts map[string]string) string {
	for _, target := range slices.Backward(slices.Sorted(maps.Keys(mounts))) { // of two that begin alike the longer first
		text = strings.ReplaceAll(text, target, mounts[target])
	}
	return text
}

// binary is the program that a service calls name, on this machine; "" if the image does not have it.
func binary(name string) string {
	if dir, base := path.Split(name); dir == programs().args[1] {
		if file := filepath.Join(built.folder, base); inFolder(file) {
			return file
		}
	}
	return ""
}

func inFolder(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// run runs a program with the environment given and none of this machine's.
func run(t *testing.T, env map[string]string, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

// takes asks a program for help with the arguments given: all of them are read before help is given, so a wrong one is told.
func takes(t *testing.T, command []string) error {
	t.Helper()
	program := binary(command[0])
	if program == "" {
		return fmt.Errorf("%s is not in the image", command[0])
	}
	out, err := run(t, nil, program, append(slices.Clone(command[1:]), "--help")...)
	if err != nil {
		return err
	}
	// plumbline gives the help of the last verb it knows: see that it is the one meant.
	if path.Base(command[0]) == "plumbline" {
		verbs := []string{"plumbline"}
		for _, arg := range command[1:] {
			if strings.HasPrefix(arg, "-") {
				break
			}
			verbs = append(verbs, arg)
		}
		usage := regexp.MustCompile(`(?m)^Usage:\n +` + regexp.QuoteMeta(strings.Join(verbs, " ")) + `( \[flags\]| <|$)`)
		if !usage.MatchString(out) {
			return fmt.Errorf("no verb %q", strings.Join(verbs, " "))
		}
	}
	return nil
}

func (f *finder) program(s types.ServiceConfig) {
	if err := takes(f.t, append(slices.Clone([]string(s.Entrypoint)), s.Command...)); err != nil {
		f.add("%s: %v", s.Name, err)
	}
}

// flag is the value of a flag in a command, as two words.
func flag(command []string, name string) string {
	if i := slices.Index(command, name); i >= 0 && i+1 < len(command) {
		return command[i+1]
	}
	return ""
}

// settings are the values that a service runs with, as the program itself reads its file and its environment; nil if it
// doesn't.
func (f *finder) settings(s types.ServiceConfig) map[string]any {
	mounts, env := f.mounts(s), f.env(s)
	var known []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	show := func(env map[string]string, args ...string) error {
		out, err := run(f.t, env, filepath.Join(built.folder, "plumbline"), append([]string{"config", "show", "--format", "json"}, args...)...)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(out), &known)
	}
	if err := show(nil); err != nil {
		f.t.Fatal(err)
	}
	names := map[string]bool{}
	for _, k := range known {
		names["PLUMBLINE_"+strings.ToUpper(strings.ReplaceAll(k.Key, ".", "_"))] = true
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "PLUMBLINE_") && !names[name] {
			f.add("%s: environment: %s is no setting", s.Name, name)
		}
		env[name] = here(env[name], mounts)
	}

	target := flag(s.Command, "--config")
	text, err := os.ReadFile(mounts[target])
	if err != nil {
		f.add("%s: settings: %s: nothing is mounted there", s.Name, target)
		return nil
	}
	file := filepath.Join(f.t.TempDir(), path.Base(target))
	if err := os.WriteFile(file, []byte(here(string(text), mounts)), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := show(env, "--config", file); err != nil {
		f.add("%s: settings: %v", s.Name, err)
		return nil
	}
	values := map[string]any{}
	for _, k := range known {
		values[k.Key] = k.Value
	}
	return values
}

// waitsFor reports whether a service starts only after another one, directly or behind others.
func (f *finder) waitsFor(s types.ServiceConfig, other string) bool {
	for on := range s.DependsOn {
		if on == other || f.waitsFor(f.project.Services[on], other) {
			return true
		}
	}
	return false
}

// addresses are where a service finds Kafka, the registry and Redis.
func (f *finder) addresses(s types.ServiceConfig, values map[string]any) {
	host := func(key, address, hostport string) (types.ServiceConfig, string) {
		name, port, err := net.SplitHostPort(hostport)
		if err != nil {
			f.add("%s: %s %s: %v", s.Name, key, address, err)
		}
		if _, known := f.project.Services[name]; !known {
			f.add("%s: %s %s: no service %s", s.Name, key, address, name)
		} else if !once(s) && !f.waitsFor(s, name) {
			f.add("%s: %s %s: does not wait for %s", s.Name, key, address, name)
		}
		return f.project.Services[name], port
	}
	brokers, _ := values["kafka.brokers"].([]any)
	for _, b := range brokers {
		address := fmt.Sprint(b)
		kafka, _ := host("kafka.brokers", address, address)
		if !slices.ContainsFunc(listeners(f.env(kafka)["KAFKA_ADVERTISED_LISTENERS"]), func(l [2]string) bool { return l[1] == address }) {
			f.add("%s: kafka.brokers %s: %s does not advertise it", s.Name, address, kafka.Name)
		}
	}

	registries, _ := values["registry.url"].([]any)
	address := ""
	if len(registries) > 0 {
		address = fmt.Sprint(registries[0])
	}
	u, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err) // the settings have parsed it
	}
	registry, port := host("registry.url", address, u.Host)
	asked := "http://" + net.JoinHostPort("localhost", port) + u.Path + "/"
	if registry.HealthCheck == nil || !slices.ContainsFunc(registry.HealthCheck.Test, func(arg string) bool { return strings.HasPrefix(arg, asked) }) {
		f.add("%s: registry.url %s: the healthcheck of %s asks elsewhere than %s", s.Name, address, registry.Name, asked)
	}

	address = fmt.Sprint(values["redis.address"])
	if redis, port := host("redis.address", address, address); redis.Name != "" && !slices.Contains(f.redisLines(redis), "port "+port) {
		f.add("%s: redis.address %s: the configuration of %s has no line: port %s", s.Name, address, redis.Name, port)
	}
	if secret := fmt.Sprint(values["redis.password_file"]); !strings.HasSuffix(secret, "redis-password") {
		f.add("%s: redis.password_file %q: not the secret that redis takes", s.Name, secret)
	}
}

// listeners reads Kafka's "NAME://host:port,...": name and address of each.
func listeners(text string) [][2]string {
	var out [][2]string
	for l := range strings.SplitSeq(text, ",") {
		name, address, _ := strings.Cut(l, "://")
		out = append(out, [2]string{name, address})
	}
	return out
}

// open adds what is wrong with a port's place on this machine: everything here is without encryption.
func (f *finder) open(s types.ServiceConfig, p types.ServicePortConfig) {
	if p.HostIP != "127.0.0.1" {
		f.add("%s: port %d: open to the network, want host_ip 127.0.0.1", s.Name, p.Target)
	}
}

func (f *finder) ports(s types.ServiceConfig, values map[string]any) {
	listen := fmt.Sprint(values["http.listen"])
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		f.t.Fatal(err)
	}
	if host != "" && host != "0.0.0.0" && host != "::" {
		f.add("%s: http.listen %s: nobody outside the container reaches it", s.Name, listen)
	}
	if exposed := final().last("EXPOSE"); !slices.Equal(exposed, []string{port}) {
		f.add("%s: http.listen %s: the image exposes %q", s.Name, listen, exposed)
	}
	for _, p := range s.Ports {
		f.open(s, p)
		if fmt.Sprint(p.Target) != port {
			f.add("%s: port %d: the settings listen on %s", s.Name, p.Target, listen)
		}
	}
}

// strangerPorts are those of the images that others made.
func (f *finder) strangerPorts(s types.ServiceConfig) {
	for _, p := range s.Ports {
		f.open(s, p)
		env := f.env(s)
		bound := env["KAFKA_LISTENERS"]
		if bound == "" {
			continue
		}
		name := ""
		for _, l := range listeners(bound) {
			if strings.HasSuffix(l[1], fmt.Sprintf(":%d", p.Target)) {
				name = l[0]
			}
		}
		if name == "" {
			f.add("%s: port %d: not in KAFKA_LISTENERS %s", s.Name, p.Target, bound)
		} else if !slices.Contains(listeners(env["KAFKA_ADVERTISED_LISTENERS"]), [2]string{name, "localhost:" + p.Published}) {
			f.add("%s: port %d: clients on this machine are sent elsewhere: %s", s.Name, p.Target, env["KAFKA_ADVERTISED_LISTENERS"])
		}
	}
}

// ledger must lie on a volume, in a folder that the image has given to the user it runs as.
func (f *finder) ledger(s types.ServiceConfig, values map[string]any) {
	if path.Base(s.Entrypoint[0]) != "alerter" {
		return
	}
	file, _ := strings.CutPrefix(fmt.Sprint(values["ledger.url"]), "sqlite://")
	folder := path.Dir(file)
	if !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool {
		return v.Type == types.VolumeTypeVolume && v.Source != "" && v.Target == folder && !v.ReadOnly
	}) {
		f.add("%s: ledger %s: lies on no volume", s.Name, file)
	}
	user := final().last("USER")
	if !slices.ContainsFunc(final().all("COPY"), func(c instruction) bool {
		return c.args[1] == folder && slices.Equal(user, []string{c.flags["chown"]})
	}) {
		f.add("%s: ledger %s: the image does not give %s to its user %q", s.Name, file, folder, user)
	}
}

func (f *finder) healthcheck(s types.ServiceConfig) {
	if once(s) {
		return
	}
	if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 {
		f.add("%s: no healthcheck", s.Name)
		return
	}
	kind, command := s.HealthCheck.Test[0], s.HealthCheck.Test[1:]
	if kind != "CMD" {
		f.add("%s: healthcheck: %s needs a shell, the image has none", s.Name, kind)
		return
	}
	if err := takes(f.t, command); err != nil {
		f.add("%s: healthcheck: %v", s.Name, err)
	} else if command[1] != "ready" {
		f.add("%s: healthcheck: asks nobody: %q", s.Name, command)
	}
	if got, want := flag(command, "--config"), flag(s.Command, "--config"); got != want {
		f.add("%s: healthcheck: reads other settings, %q, than the service, %q", s.Name, got, want)
	}
}

// redisLines is the configuration that Redis is started with.
func (f *finder) redisLines(s types.ServiceConfig) []string {
	const target = "/etc/redis/redis.conf"
	text, err := os.ReadFile(f.mounts(s)[target])
	if err != nil || !strings.Contains(strings.Join(s.Entrypoint, " "), target) {
		return nil
	}
	return strings.Split(string(text), "\n")
}

func (f *finder) redis() {
	s := f.project.Services["redis"]
	lines := f.redisLines(s)
	if lines == nil {
		f.add("redis: no config at /etc/redis/redis.conf that it is started with")
	} else if !slices.Contains(lines, "maxmemory-policy noeviction") {
		f.add("redis: evicts: an index that lost entries looks whole")
	}
	for target := range f.mounts(s) {
		if !strings.Contains(strings.Join(s.Entrypoint, " "), target) {
			f.add("redis: %s is mounted and not read", target)
		}
	}
}
