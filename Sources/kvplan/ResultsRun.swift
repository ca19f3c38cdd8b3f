import Messages
import Metrics
import Results

/// What `simulate` and `compare` do with their results: files first, then standard output.
struct ResultsRun {
  private let options: OutputOptions
  private let parts: Set<ResultPart>
  private let figures: [FigureRequest]
  private let folder: OutputFolder?
  private let interruption: Interruption?

  /// Makes sure that the output folder can be written before anything is simulated.
  ///
  /// - Parameter count: Runs that there will be.
  init(_ options: OutputOptions, count: Int = 1) throws {
    self.options = options
    parts = try options.parts()
    figures = try options.figures.requests()
    if let asked = options.figures.figure.first {
      guard options.output != nil else {
        throw UserError(
          "`--figure \(asked)` says what to draw, and nothing where",
          hint: "add `--output FOLDER`")
      }
      guard parts.contains(.figures) else {
        throw UserError(
          "`--figure \(asked)` is asked for, and `--files` leaves figures out",
          hint: "add `figures` to `--files`")
      }
    }
    if count == 1, figures.contains(where: { $0.kind == .curve }) {
      throw UserError(
        "`--figure curve` needs runs that differ, and there is one",
        hint: "vary a setting: `--vary request-rate=1,2,4`")
    }
    folder = try options.output.map { try OutputFolder($0) }
    interruption = folder.map { Interruption(removing: $0.stagingPath) }
  }

  /// Whether a row for each request is wanted.
  var keepsRequests: Bool { folder != nil && parts.contains(where: \.needsRequests) }

  func finish(
    _ results: [RunResult], varied: (page: VariedReport, runs: RunFigures)? = nil,
    rendered: (OutputFormat) -> String
  ) throws {
    if let folder {
      try ResultFiles.write(runs: results, to: folder, parts: parts, varied: varied)
      if parts.contains(.figures) {
        let runs = varied?.runs ?? RunFigures(results)
        Terminal.say(try FigureFiles.write(figures, of: runs, usual: runs.usual(), to: folder))
      } else {
        FigureFiles.removeAll(from: folder)
      }
      try folder.commit()
    }
    Terminal.write(rendered(options.format))
    if options.format == .table {
      let profiles = Set(results.map(\.summary.provenance.costProfile)).sorted()
      Terminal.say("prices: \(profiles.joined(separator: "; "))")
    }
    if let output = options.output { Terminal.say("results are in `\(output)`") }
  }
}
