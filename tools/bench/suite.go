package bench

// A Suite measures every figure that one module promises.
type Suite struct {
	Module string
	Run    func(*Runner) error // an error is a measurement that could not be made, not a missed bound
}
