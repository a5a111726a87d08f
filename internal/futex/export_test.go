package futex

// CancelSlice is how late a cancellation may be noticed where futex_waitv is missing.
const CancelSlice = cancelSlice
