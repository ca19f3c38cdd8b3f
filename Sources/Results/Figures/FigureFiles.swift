import Foundation
import Messages

/// The files of figures: `figures/cdf-ttft.svg`, and the same as PDF where there is a converter.
package enum FigureFiles {
  package static let folder = "figures"

  /// What became of figures that were asked for.
  package struct Outcome: Sendable {
    /// Names of figures of which nothing was measured.
    package var empty: [String] = []
    /// Drawings of which a converter that is there made no PDF.
    package var unconverted: [String] = []
    /// Whether there are drawings, and nothing that makes PDF of them.
    package var lacksConverter = false

    package init() {}
  }

  /// Writes figures of runs into the staging folder, in place of those that an earlier command left.
  ///
  /// - Parameters:
  ///   - asked: What is drawn.
  ///   - usual: What is drawn where nothing is asked for.
  /// - Throws: ``UserError`` if a file cannot be written.
  package static func write(
    _ asked: [FigureRequest], of runs: RunFigures, usual: [Figure], to folder: OutputFolder
  ) throws(UserError) -> Outcome {
    let drawn = asked.map { ($0.name, runs.figure($0)) }
    let figures = asked.isEmpty ? usual : drawn.compactMap(\.1)
    var outcome = Outcome()
    outcome.empty = drawn.filter { $0.1 == nil }.map(\.0)
    outcome.unconverted = try write(figures, to: folder)
    outcome.lacksConverter = !figures.isEmpty && PDFConverter.found == nil
    return outcome
  }

  /// - Returns: Drawings of which a converter that is there made no PDF.
  private static func write(
    _ figures: [Figure], to folder: OutputFolder
  ) throws(UserError) -> [String] {
    removeOthers(than: Set(figures.map(\.name)), from: folder)
    var paths: [String] = []
    for figure in figures {
      let path = try folder.staged("\(figure.name).svg", in: Self.folder)
      var sink = try FileSink(path: path)
      sink.buffer.append(figure.svg())
      try sink.finish()
      paths.append(path)
    }
    return PDFConverter.found?.convert(paths) ?? []
  }

  /// Lets `commit()` remove the figures of an earlier command.
  package static func removeAll(from folder: OutputFolder) { removeOthers(than: [], from: folder) }

  private static func removeOthers(than names: Set<String>, from folder: OutputFolder) {
    let there =
      (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(Self.folder)")) ?? []
    for file in there.sorted() {
      let parts = file.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let kind = parts[0].split(separator: "-").first.map(String.init) ?? ""
      guard parts.count == 2, ["svg", "pdf"].contains(parts[1]),
        FigureRequest.Kind(rawValue: kind) != nil
      else { continue }
      let isMadeAgain =
        names.contains(parts[0]) && (parts[1] == "svg" || PDFConverter.found != nil)
      if !isMadeAgain { folder.removeOnCommit("\(Self.folder)/\(file)") }
    }
  }
}

/// Makes PDF of SVG by `rsvg-convert`, of librsvg.
package struct PDFConverter: Sendable {
  fileprivate let path: String

  /// The first on the path; `nil` where there is none.
  package static let found: PDFConverter? = {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    let candidates = folders.map { "\($0)/rsvg-convert" }
    return candidates.first(where: FileManager.default.isExecutableFile).map(
      PDFConverter.init(path:))
  }()

  /// Drawings that are converted at the same time.
  private static let batch = 8

  /// Makes a PDF beside each drawing.
  ///
  /// - Returns: The names of drawings of which it made none.
  func convert(_ drawings: [String]) -> [String] {
    stride(from: 0, to: drawings.count, by: Self.batch).flatMap { first in
      let batch = drawings[first..<min(first + Self.batch, drawings.count)]
      let started = batch.map { ($0, try? start(of: $0)) }
      return started.compactMap { drawing, process in
        process?.waitUntilExit()
        return process?.terminationStatus == 0 ? nil : (drawing as NSString).lastPathComponent
      }
    }
  }

  private func start(of drawing: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = ["-f", "pdf", "-o", "\(drawing.dropLast(3))pdf", drawing]
    // The same drawing is the same bytes: a PDF has its date in it.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SOURCE_DATE_EPOCH": "0"]) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}
