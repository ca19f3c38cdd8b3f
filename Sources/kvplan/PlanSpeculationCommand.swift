import ArgumentParser
import Messages
import Planning
import Results
import Serving

/// `kvplan plan speculation`.
struct PlanSpeculationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speculation",
    abstract: "Up to which batch drafting tokens pays.",
    discussion: """
      Prices of decode iterations of one context, with drafts and without; nothing is simulated. Batches beyond \
      what the KV pool holds are left out.

      EXAMPLE
        kvplan plan speculation --model llama-3.1-8b --device h100-sxm --context 4000 \\
          --speculative-config '{"method": "eagle3", "num_speculative_tokens": 3}' \\
          --acceptance 0.75,0.55,0.4

      EXIT STATUS
        1   drafting pays at no batch
      """)

  @Option(help: "Tokens of each sequence, prompt and output so far.")
  var context: Int

  @Option(help: "Batches to show, by commas (default: powers of two up to the most).")
  var batch: String?

  @Option(
    help: """
      Output tokens of a request: shows the rates at which such batches are held, decoding alone.
      """
  )
  var outputTokens: Int?

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @OptionGroup var engine: EngineOptions

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    if let outputTokens, outputTokens < 1 {
      throw UserError("`--output-tokens` must be at least 1, found `\(outputTokens)`")
    }
    let scenario = try engine.scenario(
      system: try ServingSystem.find(system), requestRate: nil)
    let study = try SpeculationStudy(scenario, contextTokens: context)
    let points = try batches(study).map { study.point($0) }
    Terminal.write(table(points).rendered(format))
    let paying = study.batchPaying
    Terminal.say(Self.answer(study, paying))
    if paying == nil { ExitStatus.no.exit() }
  }

  private func batches(_ study: SpeculationStudy) throws -> [Int] {
    let most = min(study.batchMax, study.batchHeld)
    guard let batch else {
      return (0..<20).map { 1 << $0 }.filter { $0 <= most }
    }
    return try batch.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let size = Int(word), size >= 1, size <= most else {
        throw UserError(
          "`--batch` takes whole numbers from 1 to \(most), found `\(word)`",
          hint: study.batchHeld < study.batchMax
            ? "the KV pool holds \(study.batchHeld) sequences of that context"
            : "`--max-num-seqs` allows more")
      }
      return size
    }
  }

  private func table(_ points: [SpeculationStudy.Point]) -> CatalogTable {
    var columns: [(key: String, kind: CatalogTable.Kind)] = [
      ("batch", .count), ("tpot_without_ms", .count), ("verify_ms", .count),
      ("draft_ms", .count), ("tokens_a_step", .count), ("tpot_with_ms", .count),
      ("speedup", .count), ("tokens_per_s", .count),
    ]
    if outputTokens != nil { columns.append(("requests_per_s", .count)) }
    return CatalogTable(
      columns: columns,
      rows: points.map { point in
        var row = ["\(point.batch)"]
        row += [point.plain, point.verifying, point.drafting].map {
          Digits.fixed($0 * 1e3, decimals: 3)
        }
        row += [
          Digits.fixed(point.tokens, decimals: 2), Digits.fixed(point.tpot * 1e3, decimals: 3),
          Digits.fixed(point.speedup, decimals: 2), Digits.fixed(point.throughput, decimals: 0),
        ]
        if let outputTokens {
          row.append(Digits.fixed(point.throughput / Double(outputTokens), decimals: 2))
        }
        return row
      })
  }

  private static func answer(_ study: SpeculationStudy, _ paying: Int?) -> String {
    let most = min(study.batchMax, study.batchHeld)
    guard let paying else { return "drafting pays at no batch: one token at a time is faster" }
    if paying >= most {
      return "drafting pays up to the largest batch of that context, \(most) sequences"
    }
    let point = study.point(paying)
    return
      "drafting pays up to \(paying) sequences, \(Digits.fixed(point.throughput, decimals: 0)) output tokens/s; with more, "
      + "one token at a time is faster"
  }
}
