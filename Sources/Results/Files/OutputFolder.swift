import Foundation
import Messages

/// The folder of `--output DIR`, filled beside and then put in place, so that DIR never holds half a
/// result.
///
///     init      DIR.partial-4711/                     made beside DIR; DIR is not touched
///     staged    DIR.partial-4711/summary.csv …        written at leisure
///     commit    DIR/summary.csv …                     renamed; the staging folder is gone
///
/// A DIR that did not exist appears in one step, by renaming the staging folder. In one that did,
/// each file replaces its predecessor in one step and other files stay. Where nothing can be made
/// beside DIR (a mount point, a parent of somebody else's) the staging folder is `DIR/.partial-4711`.
///
/// A folder that goes away without `commit()` discards itself, so a thrown error cleans up. Files are
/// not synchronized to the disk: results can be made again, and waiting for it is not worth it.
package final class OutputFolder {
  /// The folder as the user wrote it.
  package let path: String
  /// Where files are written until `commit()`. A handler of SIGINT removes this folder.
  package let stagingPath: String
  /// The folders above DIR that were made for it, outermost first.
  private let madeParents: [String]
  private var obsolete: [String] = []
  private var isOpen = true

  /// Makes the staging folder, and the folders above DIR where they are missing.
  ///
  /// - Throws: `UserError` if DIR is a file or nothing can be written there.
  package init(_ path: String) throws(UserError) {
    self.path = path
    guard !path.isEmpty else { throw .cannotWrite(to: path, because: "the name is empty") }
    if FileSystem.isFolder(path) {
      madeParents = []
      stagingPath = try Self.makeStaging(inOrBeside: path)
      return
    }
    guard !FileSystem.exists(path) else { throw .cannotWrite(to: path, because: "it is a file") }
    let target = FileSystem.trimmed(path)
    let made = try Self.makeParents(of: target, for: path)
    switch FileSystem.makeFreshFolder("\(target).partial-\(getpid())") {
    case .success(let staging): (madeParents, stagingPath) = (made, staging)
    case .failure(let error):
      for folder in made.reversed() { rmdir(folder) }
      throw .cannotWrite(to: path, code: error.code)
    }
  }

  deinit { discard() }

  /// Where to write the file `name`, which `commit()` will put into DIR.
  package func staged(_ name: String) -> String { "\(stagingPath)/\(name)" }

  /// The same for a file in the folder `subfolder` of DIR.
  package func staged(_ name: String, in subfolder: String) throws(UserError) -> String {
    let folder = staged(subfolder)
    guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
      throw .cannotWrite(to: path, code: errno)
    }
    return "\(folder)/\(name)"
  }

  /// Lets `commit()` remove the file `name` of an earlier command from DIR, if it is there.
  package func removeOnCommit(_ name: String) { obsolete.append(name) }

  /// Puts every staged file into DIR and removes the staging folder.
  ///
  /// - Throws: `UserError` if a file cannot be put in place. Whether a name is taken by a folder is
  ///   looked up before the first rename, so that this mistake leaves DIR as it was.
  /// - Precondition: Neither `commit()` nor `discard()` was called before.
  package func commit() throws(UserError) {
    precondition(isOpen, "Results: `\(path)` was committed or discarded before")
    if FileSystem.exists(path) {
      try replaceFiles()
    } else if rename(stagingPath, FileSystem.trimmed(path)) != 0 {
      throw .cannotWrite(to: path, code: errno)
    }
    isOpen = false
  }

  /// Removes the staging folder, and the folders above DIR that were made for it; DIR is left as it
  /// was. Does nothing after `commit()`.
  package func discard() {
    guard isOpen else { return }
    isOpen = false
    // What cannot be removed stays: there is no one left to tell, and DIR is whole.
    try? FileManager.default.removeItem(atPath: stagingPath)
    for folder in madeParents.reversed() { rmdir(folder) }
  }

  private func replaceFiles() throws(UserError) {
    let names: [String]
    do {
      names = try FileManager.default.subpathsOfDirectory(atPath: stagingPath).sorted()
    } catch {
      throw .cannotWrite(to: path, because: "its staging folder is gone")
    }
    let folders = names.filter { FileSystem.isFolder(staged($0)) }
    let files = names.filter { !folders.contains($0) }
    for name in files where FileSystem.isFolder("\(path)/\(name)") {
      throw .cannotWrite(file: "\(path)/\(name)", because: "it is a folder")
    }
    for name in folders where mkdir("\(path)/\(name)", 0o777) != 0 && errno != EEXIST {
      throw .cannotWrite(file: "\(path)/\(name)", code: errno)
    }
    for name in folders where !FileSystem.isFolder("\(path)/\(name)") {
      throw .cannotWrite(file: "\(path)/\(name)", because: "it is a file")
    }
    for name in files where rename(staged(name), "\(path)/\(name)") != 0 {
      throw .cannotWrite(file: "\(path)/\(name)", code: errno)
    }
    for name in obsolete where unlink("\(path)/\(name)") != 0 && errno != ENOENT {
      throw .cannotWrite(to: path, code: errno)
    }
    for name in folders { rmdir(staged(name)) }
    // A folder of ours of which nothing is left goes too.
    for name in Set(obsolete.map(FileSystem.parent)) where name != "." { rmdir("\(path)/\(name)") }
    rmdir(stagingPath)
  }

  /// Makes the staging folder of a DIR that exists.
  private static func makeStaging(inOrBeside path: String) throws(UserError) -> String {
    let target = FileSystem.resolved(path)
    // A rename cannot cross from one file system to another.
    if FileSystem.device(target) == FileSystem.device(FileSystem.parent(of: target)),
      case .success(let staging) = FileSystem.makeFreshFolder("\(target).partial-\(getpid())")
    {
      return staging
    }
    switch FileSystem.makeFreshFolder("\(target)/.partial-\(getpid())") {
    case .success(let staging): return staging
    case .failure(let error): throw .cannotWrite(to: path, code: error.code)
    }
  }

  /// Makes the missing folders above `target`.
  private static func makeParents(
    of target: String, for path: String
  ) throws(UserError) -> [String] {
    var missing: [String] = []
    var folder = FileSystem.parent(of: target)
    while !FileSystem.exists(folder) {
      missing.append(folder)
      folder = FileSystem.parent(of: folder)
    }
    guard FileSystem.isFolder(folder) else {
      throw .cannotWrite(to: path, because: "`\(folder)` is a file")
    }
    var made: [String] = []
    for folder in missing.reversed() {
      guard mkdir(folder, 0o777) == 0 else {
        let code = errno
        for folder in made.reversed() { rmdir(folder) }
        throw .cannotWrite(to: path, code: code)
      }
      made.append(folder)
    }
    return made
  }
}
