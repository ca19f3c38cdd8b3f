import Dispatch
import Foundation

/// Removes what a command was writing when it is interrupted (Ctrl-C, SIGTERM), so that nothing stays half.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  /// From now until this object goes away, an interrupt removes `stagingPath` and ends the program.
  init(removing stagingPath: String) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
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
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}
