import Foundation

/// The few questions about paths that ``OutputFolder`` asks. Links are followed.
enum FileSystem {
  /// The `errno` value of a call that failed.
  struct Failure: Error { var code: Int32 }

  static func exists(_ path: String) -> Bool { status(path) != nil }

  static func isFolder(_ path: String) -> Bool {
    status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  /// Whether there is something that is neither a file nor a folder: a device, a pipe.
  static func isSpecial(_ path: String) -> Bool {
    status(path).map { ![S_IFREG, S_IFDIR].contains($0.st_mode & S_IFMT) } ?? false
  }

  /// The file that a link leads to; `path` itself where it is none.
  static func target(of path: String) -> String {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFLNK else { return path }
    return resolved(path)
  }

  /// The file system that holds `path`, or `nil` if there is nothing at `path`.
  static func device(_ path: String) -> dev_t? { status(path)?.st_dev }

  /// `path` without slashes at its end.
  static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  /// The folder that holds `path`, by its text: `.` for a bare name.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : trimmed(String(path[..<slash]))
  }

  /// The absolute path of an existing folder, so that `.` has a name and a parent.
  static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return trimmed(path) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Makes a folder named `path`, or `path` and a number.
  ///
  /// A folder that is there already belongs to another process of the same number, in another
  /// container perhaps, so it is left alone.
  static func makeFreshFolder(_ path: String) -> Result<String, Failure> {
    var candidate = path
    var number = 1
    while mkdir(candidate, 0o777) != 0 {
      guard errno == EEXIST else { return .failure(Failure(code: errno)) }
      number += 1
      candidate = "\(path)-\(number)"
    }
    return .success(candidate)
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }
}
