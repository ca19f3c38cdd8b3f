import ArgumentParser
import Messages
import Planning
import Workload

/// Rates in requests per second, separated by commas.
enum RateList {
  /// - Throws: ``UserError`` for an item that is no positive number; infinite is one.
  static func read(_ text: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { item in
      let text = item.trimmingPrefix(while: \.isWhitespace)
      guard let rate = Double(text), rate > 0 else {
        throw UserError(
          "`--request-rate` must be positive numbers of requests per second, found `\(text)`",
          hint: "separate them by commas: `--request-rate 0.5,1,2`")
      }
      return rate
    }
  }

  /// Those that a plan is asked about, each once.
  static func ofPlan(_ text: String) throws -> [Double] {
    let rates = try read(text)
    for (index, rate) in rates.enumerated() {
      guard rate.isFinite else {
        throw UserError("`--request-rate` of a plan must be finite, found `\(rate)`")
      }
      try RequestRate.requireAtMostHighest(rate)
      guard !rates[..<index].contains(rate) else {
        throw UserError("`--request-rate` names \(plain(rate)) twice", hint: "leave one out")
      }
    }
    return rates
  }
}

/// What is to be answered beside a plan.
struct WhatIfOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A change that is answered beside the plan, with the same seeds: a factor on the rates asked about or on lengths, \
      or a setting; several at once separated by commas; may be repeated.
      """, valueName: "rate=x2|prompts=x0.8|outputs=x1.2|setting=value"))
  var whatIf: [String] = []

  /// - Parameters:
  ///   - rates: The rates asked about, which a question may multiply.
  ///   - fixed: Settings that the plan searches over.
  func questions(of rates: [Double], fixed: [String] = []) throws -> [WhatIf] {
    try whatIf.map { text in
      let question = try WhatIf(text, fixed: fixed)
      for rate in rates where rate * question.rate > RequestRate.highest {
        throw UserError(
          "`--what-if \(text)` asks about \(plain(rate * question.rate)) requests per second, more than "
            + plain(RequestRate.highest),
          hint: "arrivals are whole nanoseconds apart: give a lower factor")
      }
      return question
    }
  }
}
