import ArgumentParser
import Messages
import Results

/// Which figures are drawn.
struct FigureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Draw this figure in place of the usual ones: `cdf`, `curve`, `timeline` or `ledger`, with options as in \
      `cdf:metric=ttft,column=one,scale=log`.
      """, valueName: "kind:options"))
  var figure: [String] = []

  /// - Throws: ``UserError`` for a figure that there is none of.
  func requests() throws -> [FigureRequest] {
    var requests: [FigureRequest] = []
    for request in try figure.flatMap(FigureRequest.read) {
      guard !requests.contains(where: { $0.name == request.name }) else {
        throw UserError(
          "`--figure` asks twice for `\(FigureFiles.folder)/\(request.name).svg`",
          hint: "name another metric, or draw it with `--output` of another folder")
      }
      requests.append(request)
    }
    return requests
  }

}

extension Terminal {
  static func say(_ outcome: FigureFiles.Outcome) {
    warn(outcome.empty.map { "nothing to draw for `\($0)`: no run has such values" })
    warn(outcome.unconverted.map { "`rsvg-convert` made no PDF of `\($0)`" })
    if outcome.lacksConverter {
      say("note: figures are SVG only; `rsvg-convert` (librsvg2-bin) would make PDF too")
    }
  }
}
