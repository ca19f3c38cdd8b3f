import Planning
import Results

/// A figure or table of the PagedAttention paper that can be made again.
package enum PaperFigure: String, CaseIterable, Sendable {
  case table1
  case memory = "2"
  case lengths = "11"
  case basic = "12"
  case batches = "13"
  case decoding = "14"
  case savings = "15"
  case prefix = "16"
  case chatbot = "17"
  case blockSizes = "18"
  case recovery = "19"

  /// Runs the figure's experiments and compares.
  ///
  /// - Throws: ``UserError`` if an experiment cannot be run.
  package func report(_ setting: PaperSetting) throws -> FigureReport {
    switch self {
    case .table1: try Self.table1Report()
    case .memory: try Self.memoryReport(setting)
    case .lengths: Self.lengthsReport(setting)
    case .basic: try Self.basicReport(setting)
    case .batches: try Self.batchesReport(setting)
    case .decoding: try Self.decodingReport(setting)
    case .savings: try Self.savingsReport(setting)
    case .prefix: try Self.prefixReport(setting)
    case .chatbot: try Self.chatbotReport(setting)
    case .blockSizes: try Self.blockSizesReport(setting)
    case .recovery: try Self.recoveryReport(setting)
    }
  }

  static let source = "Kwon et al., SOSP 2023"
}
