import Dispatch
import Foundation
import Synchronization

/// An interrupt (Ctrl-C, SIGTERM) of any command: what was being written is removed, so that nothing stays half, and the
/// program says so and ends with status 130.
///
/// While an object of this class is there, something is being written.
final class Interruption {
  private struct State {
    var sources: [any DispatchSourceSignal] = []
    /// What is being written.
    var stagingPaths: [String] = []
    /// What is done in place of the end; `nil` for the end.
    var reaction: (@Sendable (Int32) -> Void)?
  }

  private static let state = Mutex(State())
  private let stagingPath: String

  /// From now until this object goes away, an interrupt removes `stagingPath`.
  init(removing stagingPath: String) {
    self.stagingPath = stagingPath
    Self.state.withLock { $0.stagingPaths.append(stagingPath) }
  }

  deinit {
    Self.state.withLock { state in state.stagingPaths.removeAll { $0 == stagingPath } }
  }

  /// Waits for signals from now on; what a shell has its background ignore stays ignored.
  ///
  /// To be called before there are threads: those that come later block the signals too.
  static func listen() {
    let signals = [SIGINT, SIGTERM].filter { !isIgnored($0) }
    // Blocked and not ignored: what comes before the sources listen stays pending for them.
    var set = sigset_t()
    sigemptyset(&set)
    for number in signals { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    state.withLock { state in
      state.sources = signals.map { number in
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { react(to: number) }
        source.resume()
        return source
      }
    }
  }

  /// Has `reaction` take the signal's number from now on, in place of the end.
  static func react(_ reaction: @escaping @Sendable (Int32) -> Void) {
    state.withLock { $0.reaction = reaction }
  }

  private static func react(to number: Int32) {
    if let reaction = state.withLock({ $0.reaction }) { return reaction(number) }
    let paths = state.withLock { $0.stagingPaths }
    for path in paths { try? FileManager.default.removeItem(atPath: path) }
    Terminal.say("\ninterrupted" + (paths.isEmpty ? "" : ": nothing was written"))
    _exit(ExitStatus.interrupted.rawValue)
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
