package gateway

// MaxSegments is how many segments a message may have.
const MaxSegments = 10
