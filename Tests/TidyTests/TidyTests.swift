import Foundation
import Testing

/// Our own rules for the sources, checked by reading them.
@Suite struct TidyTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  struct SourceFile: CustomTestStringConvertible {
    let path: String
    let lines: [String]
    var testDescription: String { path }
  }

  /// The Swift files under a folder of the repository, in order of their paths.
  static func swiftFiles(_ folder: String) -> [SourceFile] {
    let base = root.appending(path: folder)
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: base.path)) ?? []
    return paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
      let text = (try? String(contentsOf: base.appending(path: path), encoding: .utf8)) ?? ""
      return SourceFile(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
    }
  }

  static let sources = swiftFiles("Sources")

  /// The folders on whose code the result of a simulation depends.
  static let simulatedPath = ["SimulationKernel", "KVMemory", "CostModel", "Serving"]

  private static func isSimulated(_ file: SourceFile) -> Bool {
    simulatedPath.contains { file.path.hasPrefix("Sources/\($0)/") }
  }

  @Test func thereAreSources() { #expect(Self.sources.count > 40) }

  @Test func filesStayShort() {
    for file in Self.sources {
      #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines")
    }
  }

  /// A function ends at the closing brace that stands as deep as its first line.
  @Test func functionsStayShort() {
    for file in Self.sources {
      for (index, line) in file.lines.enumerated() where isFunctionStart(line) {
        let indent = line.prefix { $0 == " " }
        // What a protocol asks for has no body.
        let head = file.lines[index...].first { $0.hasSuffix("{") || $0.isEmpty }
        guard head?.hasSuffix("{") == true else { continue }
        let end = file.lines[index...].firstIndex { $0 == indent + "}" } ?? index
        #expect(
          end - index < 70, "\(file.path):\(index + 1): a function of \(end - index + 1) lines")
      }
    }
  }

  private func isFunctionStart(_ line: String) -> Bool {
    // Words first: an expression is slower, and most lines have neither.
    (line.contains("func ") || line.contains("init("))
      && line.contains(
        /^ *(@\w+ )*((package|private|fileprivate|static|mutating|public) )*(func |init\()/)
  }

  @Test func typesAreDocumented() {
    let declaration =
      /^ *package (final |indirect )?(struct|enum|class|protocol|actor|typealias) \w+/
    for file in Self.sources {
      for (index, line) in file.lines.enumerated()
      where line.contains("package ") && line.contains(declaration) {
        let previous = index > 0 ? file.lines[index - 1].trimmingCharacters(in: .whitespaces) : ""
        #expect(
          previous.hasPrefix("///") || previous.hasPrefix("@") || isNestedDetail(line),
          "\(file.path):\(index + 1): no doc comment: \(line)")
      }
    }
  }

  /// Types inside a documented type may speak for themselves.
  private func isNestedDetail(_ line: String) -> Bool { line.hasPrefix("  ") }

  /// Swift seeds hashing anew in each process: an order taken from a hash changes from run to run.
  @Test func nothingSimulatedDependsOnHashOrder() {
    let forbidden = /\.hashValue|\bHasher\(|\bfor .* in .*\b(Set|Dictionary)\(/
    let unordered = /\b(var|let) (\w+)(: \[[^\](]+: [^\]]+\]|: Set<| = Set\(| = Set<)/
    for file in Self.sources where Self.isSimulated(file) {
      if file.path.hasSuffix("+Invariants.swift") { continue }
      var names: Set<String> = []
      for (index, line) in file.lines.enumerated() {
        #expect(!line.contains(forbidden), "\(file.path):\(index + 1): \(line)")
        if let match = line.firstMatch(of: unordered) { names.insert(String(match.2)) }
      }
      for (index, line) in file.lines.enumerated() {
        for name in names where iterates(line, over: name) {
          Issue.record("\(file.path):\(index + 1): iterates over the unordered `\(name)`: \(line)")
        }
      }
    }
  }

  private func iterates(_ line: String, over name: String) -> Bool {
    let uses = [
      " in \(name) ", " in \(name).", "\(name).map", "\(name).reduce", "\(name).forEach",
      "\(name).filter", "\(name).values", "\(name).keys", "\(name).first {", "\(name).flatMap",
    ]
    return uses.contains { line.contains($0) }
  }

  /// A system is a value: what others ask of it are its capabilities, its defaults and its releases. The paper's own
  /// comparison is about certain systems.
  @Test func noRuleNamesASystem() throws {
    let systems = "Sources/Serving/Systems/"
    var names: [String] = []
    for file in Self.sources where file.path.hasPrefix(systems) {
      for line in file.lines {
        guard let match = line.firstMatch(of: /package static let (\w+) = (ServingSystem|orca)\(/)
        else { continue }
        names.append(String(match.1))
      }
    }
    #expect(names.count >= 8)
    let naming = try Regex("([=!]= |case |~= )\\.(" + names.joined(separator: "|") + ")\\b")
    for file in Self.sources
    where !file.path.hasPrefix(systems) && !file.path.hasPrefix("Sources/Reproduction/") {
      for (index, line) in file.lines.enumerated() {
        #expect(!line.contains(naming), "\(file.path):\(index + 1): \(line)")
      }
    }
  }

  @Test func nothingIsLeftUnfinished() {
    let marks = /\b(TODO|FIXME|XXX|HACK)\b|fatalError\("not/
    for file in Self.sources {
      for (index, line) in file.lines.enumerated() {
        #expect(!line.contains(marks), "\(file.path):\(index + 1): \(line)")
        #expect(!line.contains(/(^| )print\(/), "\(file.path):\(index + 1): prints: \(line)")
      }
    }
  }

  /// Paths of one machine have no place in the repository.
  @Test func noPathOfOneMachine() throws {
    let machinePath = /(^|[^A-Za-z0-9._-])\/(work|root|home\/[a-z]+|Users\/[a-z]+|opt\/swift)\//
    let others = ["README.md", "Makefile", "Package.swift", ".ci/run", "docs", "tools", "reports"]
    for file in Self.sources + Self.swiftFiles("Tests") where !file.path.contains("TidyTests") {
      for (index, line) in file.lines.enumerated() where line.contains("/") {
        #expect(!line.contains(machinePath), "\(file.path):\(index + 1): \(line)")
      }
    }
    for path in others.flatMap(Self.textFiles) {
      let text = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
      for (index, line) in text.components(separatedBy: "\n").enumerated()
      where line.contains("/") {
        #expect(!line.contains(machinePath), "\(path):\(index + 1): \(line)")
      }
    }
  }

  /// The file itself, or the text files of a folder.
  private static func textFiles(_ path: String) -> [String] {
    let url = root.appending(path: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      return []
    }
    guard isFolder.boolValue else { return [path] }
    let files = (try? FileManager.default.subpathsOfDirectory(atPath: url.path)) ?? []
    let text = ["md", "csv", "sh", "py", "html"]
    return files.filter { text.contains(($0 as NSString).pathExtension) }.map { "\(path)/\($0)" }
  }

  /// `docs/ARCHITECTURE.md` promises that the rules of a system are read in six files and 1,320 lines.
  @Test(arguments: ["vllm-v1", "vllm-sosp23"])
  func rulesAreReadInSixFiles(system: String) throws {
    let page = try String(
      contentsOf: Self.root.appending(path: "docs/ARCHITECTURE.md"), encoding: .utf8)
    let lines = page.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "The rules of `\(system)`:"))
    let paths = lines[(start + 2)...].prefix { $0.hasPrefix("* `") }.map { line in
      String(line.dropFirst(3).prefix { $0 != "`" })
    }
    let files = paths.compactMap { path in Self.sources.first { $0.path == path } }
    #expect(files.map(\.path) == paths)
    #expect((4...6).contains(files.count))
    let count = files.map { $0.lines.count - 1 }.reduce(0, +)
    #expect(count <= 1320, "\(count) lines")
  }
}
