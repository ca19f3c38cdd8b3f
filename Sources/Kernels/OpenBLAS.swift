import COpenBLAS
import Foundation

/// The OpenBLAS that this process is linked with.
package enum OpenBLAS {
  /// The kernels that it chose for this processor, such as `SkylakeX`.
  package static var coreName: String { String(cString: openblas_get_corename()) }

  /// Sets how many threads it computes with; all measurements of ours use one.
  package static func setThreads(_ count: Int) {
    precondition(count > 0, "OpenBLAS.setThreads(\(count))")
    openblas_set_num_threads(Int32(count))
  }

  /// Ends the threads that the library starts when it is loaded, which look for work for a while and find none:
  /// 0.1 CPU seconds of each process on two cores.
  ///
  /// The symbol is there where the library has threads at all.
  package static func endIdleThreads() {
    guard let symbol = dlsym(nil, "blas_thread_shutdown_") else { return }
    _ = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
  }

  /// The core type that should be asked for in the environment, if this release does not know the
  /// processor and fell back to SSE3 kernels, which are several times slower.
  ///
  /// The variable is read when the library is loaded: it takes effect in a new process only.
  package static var coreTypeToAskFor: String? {
    guard coreName == "Prescott" else { return nil }
    switch KernelMachine.instructionSet {
    case "avx512": return "SkylakeX"
    case "avx2": return "Haswell"
    default: return nil
    }
  }

  /// Starts this program anew with ``coreTypeToAskFor`` in its environment, where there is one.
  ///
  /// Returns if there is nothing to do or if it cannot be done.
  package static func restartWithKnownCore() {
    let variable = "OPENBLAS_CORETYPE"
    guard let coreType = coreTypeToAskFor, getenv(variable) == nil else { return }
    setenv(variable, coreType, 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
    unsetenv(variable)
  }
}
