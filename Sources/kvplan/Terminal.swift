import Foundation

/// How a command ends, besides 0 for success.
enum ExitStatus: Int32 {
  /// It ran, and the answer is no.
  case no = 1
  case couldNotRun = 2
  /// It ran, and the answer holds only at the edge: seeds that did not find it reject it.
  case atTheEdge = 3
  /// The command line cannot be understood (EX_USAGE).
  case badUsage = 64
  /// Not the input's fault: try again (EX_TEMPFAIL, which batch systems can requeue by).
  case tryAgain = 75
  /// 128 + SIGINT, as shells have it.
  case interrupted = 130

  func exit() -> Never { Foundation.exit(rawValue) }
}

/// Standard output is for data, standard error for talk.
enum Terminal {
  /// Writes data, as it is; ends the command where it cannot.
  static func write(_ text: String) { write(Data(text.utf8)) }

  static func write(_ data: Data) {
    do {
      try FileHandle.standardOutput.write(contentsOf: data)
    } catch {
      say("error: cannot write to standard output: \(reason(error))")
      ExitStatus.couldNotRun.exit()
    }
  }

  /// What the system says, without Foundation's frame around it.
  private static func reason(_ error: any Error) -> String {
    let code = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
    return String(cString: strerror(Int32(code.code)))
  }

  /// Says something to the user.
  static func say(_ text: String) {
    let said = hasColors ? TerminalColor.painted(text) : text
    FileHandle.standardError.write(Data((said + "\n").utf8))
  }

  private static let hasColors = TerminalColor.isWanted(
    isTerminal: isatty(STDERR_FILENO) == 1, environment: ProcessInfo.processInfo.environment)

  static func warn(_ warnings: [String]) {
    for warning in warnings { say("warning: \(warning)") }
  }

  /// Columns of the terminal that standard output is, or `nil` where it is none: tables are not cut then.
  static var width: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// A time for people: `3 h 20 min`, `12 min`, `40 s`.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e15).rounded(.up))
    if whole < 100 { return "\(whole) s" }
    let minutes = (whole + 59) / 60
    return minutes < 100 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }

  /// Shows how many of `total` runs are done, on a terminal only.
  static func progress(_ done: Int, of total: Int, secondsLeft: Double? = nil) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    let left = secondsLeft.map { ", \(duration($0)) left" } ?? ""
    let line = done < total ? "\r\u{1B}[K\(done) of \(total) runs\(left)" : "\r\u{1B}[K"
    FileHandle.standardError.write(Data(line.utf8))
  }
}

extension Terminal {
  /// Shows what is being done, on a terminal only; `nil` clears it.
  static func status(_ text: String?) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data("\r\u{1B}[K\(text ?? "")".utf8))
  }
}
