import ArgumentParser
import Fleet
import Messages
import SimulationKernel

/// How replicas fail and return.
struct FailureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A replica that fails and returns, `replica=1,at=60,for=120` in seconds; without `for=` it does not return. \
      Repeated, for several. Its requests begin again on others.
      """, valueName: "outage"))
  var fail: [String] = []

  @Option(
    help: ArgumentHelp(
      "Mean seconds from the start of a replica to its failure, exponential, by the seed.",
      valueName: "seconds"))
  var mtbf: Double?

  @Option(
    help: ArgumentHelp(
      "Mean seconds from its failure until it takes requests again, exponential, by the seed.",
      valueName: "seconds"))
  var mttr: Double?

  /// - Throws: ``UserError`` for outages that cannot be read, and for means of which one is missing.
  func failures() throws -> Failures? {
    guard mtbf != nil || mttr != nil else {
      return fail.isEmpty ? nil : .listed(try fail.map(outage))
    }
    guard fail.isEmpty else {
      throw UserError(
        "`--fail` lists failures, and `--mtbf` and `--mttr` draw them", hint: "give one of the two")
    }
    guard let mtbf, let mttr else {
      let missing = mtbf == nil ? "mtbf" : "mttr"
      throw UserError(
        "`--\(missing)` is missing: failures are drawn by the means of both times",
        hint: "give `--mtbf 86400 --mttr 600` for one failure a day and ten minutes each")
    }
    for (name, seconds) in [("mtbf", mtbf), ("mttr", mttr)] {
      guard seconds >= 1e-3, seconds < 1e9 else {
        throw UserError("`--\(name)` must be at least 0.001 and below 1e9 s, found `\(seconds)`")
      }
    }
    return .drawn(meanUp: mtbf, meanDown: mttr)
  }

  private func outage(_ text: String) throws -> Failures.Outage {
    var values: [String: Double] = [:]
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, ["replica", "at", "for"].contains(parts[0]),
        values[parts[0]] == nil, let value = Double(parts[1]), value >= 0, value < 1e9
      else {
        throw UserError(
          "`--fail` must be a replica and seconds, found `\(item)` in `\(text)`",
          hint: "such as `--fail replica=1,at=60,for=120`")
      }
      values[parts[0]] = value
    }
    guard let replica = values["replica"].flatMap({ Int(exactly: $0) }), let start = values["at"],
      values["for"] != 0
    else {
      throw UserError(
        "`--fail` must name a replica by its number, and when it fails, for longer than 0 s; found `\(text)`",
        hint: "such as `--fail replica=1,at=60,for=120`")
    }
    return Failures.Outage(
      replica: replica, start: .zero + SimDuration(rounding: start),
      length: values["for"].map { SimDuration(rounding: $0) })
  }
}
