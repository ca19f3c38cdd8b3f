import Dispatch
import Foundation
import Synchronization

/// Says how far a long command is: a line that is written over on a terminal, else one every few seconds.
final class ProgressLine {
  /// What is counted, and how far it goes.
  struct Goal: Sendable {
    /// `nil` where nothing says how many there will be.
    var count: Int?
    /// `simulations`, `windows`
    var unit: String
    /// Whether it is known exactly how many there are.
    var isExact = false
  }

  private let timer: any DispatchSourceTimer

  /// Seconds between two lines where standard error is no terminal.
  private static let quietSeconds = 5.0

  /// - Parameter done: How many are done; asked from another thread.
  convenience init(_ goal: Goal, done: @escaping @Sendable () -> Int) {
    self.init { goal.text(done: done(), after: $0) }
  }

  /// - Parameter text: What to say after so many seconds; asked from another thread.
  init(_ text: @escaping @Sendable (_ seconds: Double) -> String) {
    let isTerminal = isatty(STDERR_FILENO) == 1
    let started = ContinuousClock.now
    timer = DispatchSource.makeTimerSource(queue: .global())
    let seconds = isTerminal ? 0.2 : Self.quietSeconds
    timer.schedule(deadline: .now() + seconds, repeating: seconds)
    timer.setEventHandler {
      let text = text((ContinuousClock.now - started) / Duration.seconds(1))
      if isTerminal { Terminal.status(text) } else { Terminal.say(text) }
    }
    timer.resume()
  }

  /// Ends the lines.
  func finish() {
    timer.cancel()
    Terminal.status(nil)
  }
}

extension ProgressLine.Goal {
  /// `12 of about 60 simulations, about 40 s left`, or `80 simulations, 90 s so far` where more are done than were
  /// expected: how many are left is not known then.
  func text(done: Int, after seconds: Double) -> String {
    guard let count, isExact || done < count else {
      return "\(done) \(unit), \(Terminal.duration(seconds)) so far"
    }
    let share = "\(done) of \(isExact ? "" : "about ")\(count) \(unit)"
    guard done > 0 else { return "\(share) after \(Terminal.duration(seconds))" }
    let left = seconds / Double(done) * Double(count - done)
    return "\(share), about \(Terminal.duration(left)) left"
  }
}

/// A number that one thread sets and another reads.
final class Tally: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int {
    get { count.load(ordering: .relaxed) }
    set { count.store(newValue, ordering: .relaxed) }
  }
}
