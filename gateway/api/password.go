package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// The cost of a password, as OWASP's Password Storage Cheat Sheet has it for
// argon2id.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
	argonSalt    = 16
	// No hash of ours asks for more; one that was put into the store by hand
	// must not take the machine's memory.
	maxArgonMemory = 256 << 10
	maxArgonTime   = 16
	maxPassword    = 1024 // octets
)

// HashPassword returns the argon2id hash of a password in the PHC string
// format, with a salt of its own. It refuses an empty password, and one of more
// than 1024 octets, with which nobody could sign in.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("a password has 1 to %d octets", maxPassword)
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// CheckPassword tells whether a password is the one of a hash that HashPassword
// made. A hash that is no such string fits no password, and takes as long.
func CheckPassword(hash, password string) bool {
	h, err := parseHash(hash)
	if err != nil {
		argon2.IDKey([]byte(password), make([]byte, argonSalt), argonTime, argonMemory, argonThreads, argonKey)
		return false
	}
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parseHash(s string) (h passwordHash, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errors.New("not an argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, fmt.Errorf("argon2id parameters: %w", err)
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, fmt.Errorf("argon2id salt: %w", err)
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return h, fmt.Errorf("argon2id key: %w", err)
	}
	if h.memory == 0 || h.memory > maxArgonMemory || h.time == 0 || h.time > maxArgonTime || h.threads == 0 || len(h.key) < 16 || len(h.key) > 64 {
		return h, errors.New("argon2id parameters out of bounds")
	}
	return h, nil
}

// NewToken returns the secret of an API token, which is shown once, and the hash
// by which the store knows it.
func NewToken() (secret string, hash []byte) {
	secret = "sms_" + newSecret() // so that whoever finds one knows what it is
	sum := hashSecret(secret)
	return secret, sum[:]
}

func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashSecret(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

const (
	hashesAtOnce  = 2 // 19 MiB each
	hashesWaiting = 32
	hashWait      = 5 * time.Second
)

// gate bounds how many passwords are checked at once, and how many wait.
type gate struct {
	slots, waiting chan struct{}
}

func newGate() *gate {
	return &gate{make(chan struct{}, hashesAtOnce), make(chan struct{}, hashesWaiting)}
}

// enter waits for a slot, or says that too many do. Who entered must leave.
func (g *gate) enter(ctx context.Context) error {
	busy := rateLimited("Too many people sign in at this moment. Try again.", hashWait)
	select {
	case g.waiting <- struct{}{}:
	default:
		return busy
	}
	defer func() { <-g.waiting }()
	timer := time.NewTimer(hashWait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return busy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.slots }
