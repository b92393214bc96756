/** A logger that says nothing, for tests whose subject is not what is logged. */
export const quiet = { debug() {}, info() {}, warn() {}, error() {} };
