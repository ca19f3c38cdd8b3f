import Dispatch
import Foundation

/// Removes what a command was writing when it is interrupted (Ctrl-C, SIGTERM), so that nothing stays half.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  /// From now until this object goes away, an interrupt removes `stagingPath` and ends the program.
  init(removing stagingPath: String) {
    // Blocked and not ignored: what comes before the sources listen stays pending for them.
    Self.changeMask(SIG_BLOCK)
    sources = Self.signals.map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        try? FileManager.default.removeItem(atPath: stagingPath)
        Terminal.say("\ninterrupted: nothing was written")
        _exit(ExitStatus.interrupted.rawValue)
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in Self.signals { signal(number, SIG_DFL) }
    Self.changeMask(SIG_UNBLOCK)
  }

  private static let signals = [SIGINT, SIGTERM]

  private static func changeMask(_ change: Int32) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in signals { sigaddset(&set, number) }
    pthread_sigmask(change, &set, nil)
  }
}
