// The peer in Go: wazero, compiled and interpreted. It takes the arguments of `src/bin/peer.rs` and
// prints the same; the stubs are those of `src/stubs.rs`.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

var ctx = context.Background()

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("cannot:", strings.SplitN(err.Error(), "\n", 2)[0])
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("see the top of src/bin/peer.rs")
	}
	switch args[0] {
	case "describe":
		plugin, err := loadFile(args[1], args[2])
		if err != nil {
			return err
		}
		text, err := plugin.describe()
		if err != nil {
			return err
		}
		fmt.Println(text)
		return nil
	case "observe":
		plugin, err := loadFile(args[1], args[2])
		if err != nil {
			return err
		}
		config, err := parse(args[3])
		if err != nil {
			return err
		}
		return printObserved(plugin, config)
	case "memory":
		count, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return memory(args[1] == "idle", args[2], count, args[4])
	case "serve":
		config, err := parse(args[3])
		if err != nil {
			return err
		}
		if args[4] != "1" {
			return errors.New("not measured on several threads")
		}
		milliseconds, err := strconv.Atoi(args[5])
		if err != nil {
			return err
		}
		return serve(args[1], args[2], config, time.Duration(milliseconds)*time.Millisecond)
	}
	return errors.New("it writes no modules")
}

// A config as text or, for large ones, as `@` and a file.
func parse(config string) (map[string]any, error) {
	text := []byte(config)
	if name, isFile := strings.CutPrefix(config, "@"); isFile {
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	var object map[string]any
	return object, json.Unmarshal(text, &object)
}

// plugin is a compiled module whose imports are answered.
type plugin struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

func newRuntime(variant string) wazero.Runtime {
	config := wazero.NewRuntimeConfigCompiler()
	if variant == "interpreter" {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	return wazero.NewRuntimeWithConfig(ctx, config)
}

func loadFile(variant, path string) (*plugin, error) {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return load(newRuntime(variant), wasm)
}

func load(runtime wazero.Runtime, wasm []byte) (*plugin, error) {
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return nil, err
	}
	builders := map[string]wazero.HostModuleBuilder{}
	for _, function := range compiled.ImportedFunctions() {
		module, name, _ := function.Import()
		if builders[module] == nil {
			builders[module] = runtime.NewHostModuleBuilder(module)
		}
		call := answer(find(name), len(function.ResultTypes()) > 0)
		if module == "bench" {
			call = echo
		}
		builders[module].NewFunctionBuilder().
			WithGoModuleFunction(call, function.ParamTypes(), function.ResultTypes()).
			Export(name)
	}
	for module, builder := range builders {
		if runtime.Module(module) == nil {
			if _, err := builder.Instantiate(ctx); err != nil {
				return nil, err
			}
		}
	}
	return &plugin{runtime, compiled}, nil
}

func (p *plugin) start() (api.Module, error) {
	// Without a name, so that there can be many.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	return p.runtime.InstantiateModule(ctx, p.compiled, config)
}

// ask calls the plugin in an instance of its own and hands what it answered to read.
func (p *plugin) ask(config []byte, read func([]byte) error) error {
	instance, err := p.start()
	if err != nil {
		return err
	}
	defer instance.Close(ctx)
	var packed []uint64
	if config == nil {
		packed, err = instance.ExportedFunction("describe").Call(ctx)
	} else {
		length := uint64(len(config))
		var place []uint64
		if place, err = instance.ExportedFunction("allocate").Call(ctx, length); err != nil {
			return err
		}
		if !instance.Memory().Write(uint32(place[0]), config) {
			return errors.New("bad result")
		}
		packed, err = instance.ExportedFunction("observe").Call(ctx, place[0], length)
	}
	if err != nil {
		return err
	}
	bytes, found := instance.Memory().Read(uint32(packed[0]>>32), uint32(packed[0]))
	if !found {
		return errors.New("bad result")
	}
	return read(bytes)
}

func (p *plugin) describe() (text string, err error) {
	err = p.ask(nil, func(bytes []byte) error {
		text = string(bytes)
		return nil
	})
	return text, err
}

func (p *plugin) observe(config map[string]any) (any, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	var evidence map[string]any
	err = p.ask(text, func(bytes []byte) error { return json.Unmarshal(bytes, &evidence) })
	if data, found := evidence["Data"]; found {
		return data, err
	}
	return evidence["data"], err
}

func printObserved(p *plugin, config map[string]any) error {
	data, err := p.observe(config)
	if err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}

func serve(variant, path string, config map[string]any, enough time.Duration) error {
	plugin, err := loadFile(variant, path)
	if err != nil {
		return err
	}
	if err := printObserved(plugin, config); err != nil {
		return err
	}
	sample := func(times int64) (clock, processor time.Duration, err error) {
		begun, used := time.Now(), processorTime()
		for range times {
			if _, err := plugin.observe(config); err != nil {
				return 0, 0, err
			}
		}
		return time.Since(begun), processorTime() - used, nil
	}
	// The first one warms up, the second tells how many are enough.
	times := int64(1)
	if _, _, err := sample(times); err != nil {
		return err
	}
	for {
		_, took, err := sample(times)
		if err != nil {
			return err
		}
		if took*2 >= enough || times >= 1<<24 {
			times = max(1, times*int64(enough)/max(1, int64(took)))
			break
		}
		times *= 2
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		clock, processor, err := sample(times)
		if err != nil {
			return err
		}
		each := float64(times)
		fmt.Println(float64(clock)/each, float64(processor)/each)
	}
	return nil
}

// processorTime is what all threads of this process used, the collector's included.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func memory(idle bool, variant string, count int, path string) error {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	runtime := newRuntime(variant)
	before, err := resident()
	if err != nil {
		return err
	}
	var kept []any
	if idle {
		plugin, err := load(runtime, wasm)
		if err != nil {
			return err
		}
		for range count {
			instance, err := plugin.start()
			if err != nil {
				return err
			}
			kept = append(kept, instance)
		}
	} else {
		for number := range count {
			// A custom section named "n" with the number in it, so that no two are the same.
			own := append(append([]byte{}, wasm...), 0, 6, 1, 'n')
			own = binary.LittleEndian.AppendUint32(own, uint32(number))
			plugin, err := load(runtime, own)
			if err != nil {
				return err
			}
			if _, err := plugin.describe(); err != nil {
				return err
			}
			kept = append(kept, plugin)
		}
	}
	after, err := resident()
	if err != nil {
		return err
	}
	fmt.Println(max(0, after-before))
	goruntime.KeepAlive(kept)
	return nil
}

func resident() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	if !found {
		return 0, errors.New("/proc has another form")
	}
	number, err := strconv.Atoi(strings.Fields(rest)[0])
	return number * 1024, err
}

// echo answers with the request, as the host sees it.
var echo = api.GoModuleFunc(func(ctx context.Context, guest api.Module, stack []uint64) {
	request, found := guest.Memory().Read(uint32(stack[0]>>32), uint32(stack[0]))
	var value any
	if !found || json.Unmarshal(request, &value) != nil {
		panic("bad request")
	}
	reply, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	place, err := guest.ExportedFunction("allocate").Call(ctx, uint64(len(reply)))
	if err != nil || !guest.Memory().Write(uint32(place[0]), reply) {
		panic("no room for the reply")
	}
	stack[0] = place[0]<<32 | uint64(len(reply))
})

// A stub answers one call: its arguments and the guest's memory.
type stub func(args []uint64, memory api.Memory) uint32

const (
	badFile = 8
	fault   = 21
	noEntry = 44
	noSuch  = 52
)

func answer(call stub, answers bool) api.GoModuleFunc {
	return func(_ context.Context, guest api.Module, stack []uint64) {
		result := call(stack, guest.Memory())
		if answers {
			stack[0] = uint64(result)
		}
	}
}

func find(name string) stub {
	switch name {
	case "args_sizes_get", "environ_sizes_get":
		return func(args []uint64, memory api.Memory) uint32 {
			return max(put(memory, args[0], make([]byte, 4)), put(memory, args[1], make([]byte, 4)))
		}
	case "args_get", "environ_get", "sched_yield", "fd_fdstat_set_flags", "fd_close":
		return func([]uint64, api.Memory) uint32 { return 0 }
	case "clock_time_get":
		return func(args []uint64, memory api.Memory) uint32 {
			now := binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
			return put(memory, args[2], now)
		}
	case "random_get":
		return func(args []uint64, memory api.Memory) uint32 {
			bytes, found := memory.Read(uint32(args[0]), uint32(args[1]))
			if !found {
				return fault
			}
			state := uint32(0x9e3779b9)
			for i := range bytes {
				state = state*747796405 + 1
				bytes[i] = byte(state >> 24)
			}
			return 0
		}
	case "fd_write":
		return func(args []uint64, memory api.Memory) uint32 {
			var total uint32
			for i := range uint32(args[2]) {
				length, _ := memory.ReadUint32Le(uint32(args[1]) + 8*i + 4)
				total += length
			}
			return put(memory, args[3], binary.LittleEndian.AppendUint32(nil, total))
		}
	case "poll_oneoff":
		return func(args []uint64, memory api.Memory) uint32 {
			for i := range uint32(args[2]) {
				event := make([]byte, 32)
				userdata, _ := memory.Read(uint32(args[0])+48*i, 8)
				copy(event, userdata)
				memory.Write(uint32(args[1])+32*i, event)
			}
			return put(memory, args[3], binary.LittleEndian.AppendUint32(nil, uint32(args[2])))
		}
	case "fd_fdstat_get":
		return func(args []uint64, memory api.Memory) uint32 {
			stat := make([]byte, 24)
			stat[0] = 2
			if args[0] == 3 {
				stat[0] = 3
			}
			for i := 8; i < len(stat); i++ {
				stat[i] = 0xFF
			}
			if args[0] > 3 {
				return badFile
			}
			return put(memory, args[1], stat)
		}
	case "fd_prestat_get":
		return func(args []uint64, memory api.Memory) uint32 {
			if args[0] != 3 {
				return badFile
			}
			return put(memory, args[1], []byte{0, 0, 0, 0, 1, 0, 0, 0})
		}
	case "fd_prestat_dir_name":
		return func(args []uint64, memory api.Memory) uint32 { return put(memory, args[1], []byte("/")) }
	case "path_filestat_get", "path_open", "path_readlink":
		return func([]uint64, api.Memory) uint32 { return noEntry }
	case "proc_exit":
		return func([]uint64, api.Memory) uint32 { panic("exit") }
	}
	return func([]uint64, api.Memory) uint32 { return noSuch }
}

func put(memory api.Memory, at uint64, bytes []byte) uint32 {
	if memory.Write(uint32(at), bytes) {
		return 0
	}
	return fault
}
