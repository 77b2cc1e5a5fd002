package gsm

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder finds a process other than this one that has a device open; false if
// none is seen. Without root, only one's own processes are.
func Holder(device string) (pid int, command string, ok bool) {
	return holder(device, false)
}

// holder counts as one also the simulator of a modem, if it is to, which may use
// what it simulates.
func holder(device string, simulators bool) (pid int, command string, ok bool) {
	if real, err := filepath.EvalSymlinks(device); err == nil {
		device = real
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, "", false
	}
	for _, fd := range open {
		if target, err := os.Readlink(fd); err != nil || target != device {
			continue
		}
		parts := strings.Split(fd, "/")
		pid, err := strconv.Atoi(parts[2])
		if err != nil || pid == os.Getpid() {
			continue
		}
		if !simulators && simulates(parts[2], device) {
			continue
		}
		name, _ := os.ReadFile("/proc/" + parts[2] + "/comm") // it may have ended just now
		return pid, strings.TrimSpace(string(name)), true
	}
	return 0, "", false
}

// simulates reports whether a process has the other end of a pseudo-terminal: it is
// the modem there, and no user of it.
func simulates(process, device string) bool {
	number, ok := strings.CutPrefix(device, "/dev/pts/")
	if !ok {
		return false
	}
	open, _ := filepath.Glob("/proc/" + process + "/fdinfo/*") // the pattern is right
	for _, fd := range open {
		text, err := os.ReadFile(fd)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if index, ok := strings.CutPrefix(line, "tty-index:"); ok && strings.TrimSpace(index) == number {
				return true
			}
		}
	}
	return false
}

// HeldBy says in a sentence who has a device, and what to do; "" if nobody is seen
// to.
func HeldBy(device string) string {
	pid, command, ok := Holder(device)
	if !ok {
		return ""
	}
	return heldBy(pid, command)
}

// refusedBy says who has a device that could not be opened because of that.
func refusedBy(device string) string {
	if pid, command, ok := holder(device, true); ok {
		return heldBy(pid, command)
	}
	return "another program has the port: root sees which"
}

func heldBy(pid int, command string) string {
	who := command + " (process " + strconv.Itoa(pid) + ")"
	switch command {
	case "ModemManager":
		return who + " has the port: install the udev rules that keep it away (systemd/78-smsbridge-modems.rules) and plug the modem in again, or stop it: systemctl disable --now ModemManager"
	case "smsbridge":
		return who + " has the port: where it is the daemon, smsbridge status says how the modem is"
	}
	return who + " has the port: stop it first"
}
