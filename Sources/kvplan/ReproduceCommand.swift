import ArgumentParser
import CostModel
import Foundation
import Messages
import Planning
import Reproduction
import Results
import Workload

/// `kvplan reproduce`: published experiments again, the paper's number beside ours.
struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Replay the experiments of a paper and compare with what it printed.",
    subcommands: [
      PagedAttentionCommand.self, VAttentionCommand.self, LedgerCommand.self, AVMPCommand.self,
      SparsePrefixCommand.self, JengaCommand.self, MarconiCommand.self, TiersCommand.self,
      ReproduceSpeculationCommand.self, ReproduceOverlapCommand.self, ReproduceSLOCommand.self,
      DisaggregationCommand.self, SLoRACommand.self, PrismCommand.self,
    ])
}

/// `kvplan reproduce pagedattention`.
struct PagedAttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pagedattention",
    abstract: "The figures of the PagedAttention paper (Kwon et al., SOSP 2023).",
    discussion: """
      Writes, for each figure, its data as CSV and its drawing as SVG; every number beside the paper's \
      in summary.csv and README.md.

      EXAMPLE
        kvplan reproduce pagedattention --figure 2 --output reports/figure2
      """)

  @Option(help: "Figure: \(Self.figureNames), or `all`.")
  var figure = "all"

  @Option(help: "Folder for the files.")
  var output: String

  @Option(
    help: """
      Folder with sharegpt.csv, alpaca.csv and, for the chatbot, turns.csv, each plain or .gz.
      """)
  var traceFolder = "traces"

  @Option(help: "Seed of everything that is drawn.")
  var seed: UInt64 = 0

  func run() throws {
    let figures = try figures()
    let folder = try OutputFolder(output)
    let interruption = Interruption(removing: folder.stagingPath)
    defer { withExtendedLifetime(interruption) {} }
    let lists = try PaperTraceFolder(traceFolder)
    let setting = PaperSetting(
      traces: lists.traces, hasOriginalShareGPT: lists.hasOriginalShareGPT, seed: seed)
    var reports: [FigureReport] = []
    for figure in figures {
      Terminal.progress(reports.count, of: figures.count)
      reports.append(try figure.report(setting))
    }
    Terminal.progress(figures.count, of: figures.count)
    let page = ReproductionPage(
      title: "The PagedAttention paper, again", command: command, preamble: lists.preamble)
    try ReproductionFiles.write(reports, page: page, to: folder)
    try folder.commit()
    Terminal.write(ClaimsCSV.text(reports.flatMap(\.claims)))
    Terminal.say("figures and README.md are in `\(output)`")
  }

  private static let figureNames =
    PaperFigure.allCases.map(\.rawValue).joined(separator: ", ")

  private func figures() throws -> [PaperFigure] {
    if figure == "all" { return PaperFigure.allCases }
    guard let one = PaperFigure(rawValue: figure) else {
      throw UserError.unknown(
        "figure", figure, among: PaperFigure.allCases.map(\.rawValue) + ["all"],
        listedBy: "kvplan reproduce pagedattention --help")
    }
    return [one]
  }

  /// As a user would type it; the folder's place on this machine is left out.
  private var command: String {
    let name = traceFolder == "traces" ? "" : " --trace-folder DIR"
    return "kvplan reproduce pagedattention --figure \(figure) --seed \(seed)\(name) --output DIR"
  }
}

/// `kvplan reproduce vattention`.
struct VAttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vattention",
    abstract: "Batches and memory lost with page-groups of 64 KB to 2 MB (ASPLOS 2025).",
    discussion: """
      EXAMPLE
        kvplan reproduce vattention --output reports/vattention
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of everything that is drawn.")
  var seed: UInt64 = 0

  func run() throws {
    let page = ReproductionPage(
      title: "The vAttention paper, again",
      command: "kvplan reproduce vattention --seed \(seed) --output DIR",
      preamble: ["Prabhu et al., ASPLOS 2025. A100 of 80 GB, 90 % of the memory; roofline prices."])
    let report = try page.written(to: output) { try VAttentionReport.report(seed: seed) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the figure and README.md are in `\(output)`")
  }
}

/// `kvplan reproduce ledger`.
struct LedgerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "Where KV memory is under every engine, as in Figure 2 of the PagedAttention paper.",
    discussion: """
      EXAMPLE
        kvplan reproduce ledger --output reports/ledger
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Folder with sharegpt.csv and alpaca.csv, plain or .gz.")
  var traceFolder = "traces"

  @Option(help: "Seed of everything that is drawn.")
  var seed: UInt64 = 0

  func run() throws {
    let lists = try PaperTraceFolder(traceFolder)
    let name = traceFolder == "traces" ? "" : " --trace-folder DIR"
    let page = ReproductionPage(
      title: "The waste ledger of every engine",
      command: "kvplan reproduce ledger --seed \(seed)\(name) --output DIR",
      preamble: [lists.shareGPTSource])
    let report = try page.written(to: output) {
      try LedgerReport.report(
        PaperSetting(
          traces: lists.traces, hasOriginalShareGPT: lists.hasOriginalShareGPT, seed: seed))
    }
    Terminal.write(report.data.csv)
    Terminal.say("the figure and README.md are in `\(output)`")
  }
}

extension ReproductionPage {
  /// Makes the report of one figure and writes it with this page into a folder, which appears whole or not at all.
  ///
  /// - Throws: ``UserError`` for a folder that cannot be written, and what `report` throws.
  func written(
    to output: String, _ report: () throws -> FigureReport
  ) throws -> FigureReport {
    try written(to: output) { [try report()] }[0]
  }

  /// The same of several figures.
  func written(
    to output: String, _ reports: () throws -> [FigureReport]
  ) throws -> [FigureReport] {
    let folder = try OutputFolder(output)
    let interruption = Interruption(removing: folder.stagingPath)
    defer { withExtendedLifetime(interruption) {} }
    let reports = try reports()
    try ReproductionFiles.write(reports, page: self, to: folder)
    try folder.commit()
    return reports
  }
}
