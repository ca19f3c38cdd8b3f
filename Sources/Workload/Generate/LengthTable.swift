import Foundation
import Messages
import SimulationKernel

/// Pairs of lengths by how often they occur: outputs conditional on prompts, as a table.
///
///     prompt_from,prompt_to,output_from,output_to,weight
///     1,128,1,64,30              a row is drawn by its weight, both lengths evenly from its ranges
///     1,128,65,512,10
///     129,4096,1,64,60
package struct LengthTable: Equatable, Sendable {
  struct Row: Equatable, Sendable {
    var prompt: ClosedRange<Int32>
    var output: ClosedRange<Int32>
  }

  static let header = "prompt_from,prompt_to,output_from,output_to,weight"

  /// The file, as the user gave it.
  let name: String
  let rows: [Row]
  /// The share of the rows up to each, the last 1.
  let cumulative: [Double]

  /// Reads the table at `path`.
  ///
  /// - Throws: ``UserError`` as ``init(_:name:)``, and where the file cannot be read.
  package init(path: String) throws(UserError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError("cannot read the table `\(path)`")
    }
    try self.init(String(decoding: data, as: UTF8.self), name: path)
  }

  /// Parses the table in `text`.
  ///
  /// - Throws: ``UserError`` at the place of what is wrong.
  package init(_ text: String, name: String) throws(UserError) {
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    guard lines.first.map({ $0 == Self.header }) ?? false else {
      throw .at(name, 1, 1, "the header must be `\(Self.header)`")
    }
    var rows: [Row] = []
    var weights: [Double] = []
    for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == 5 else {
        throw .at(name, index + 1, 1, "\(fields.count) fields, the header has 5")
      }
      let bounds = fields[..<4].compactMap { Int32($0) }
      guard bounds.count == 4, bounds[0] >= 1, bounds[0] <= bounds[1], bounds[2] >= 1,
        bounds[2] <= bounds[3]
      else {
        throw .at(
          name, index + 1, 1, "lengths must be integers from 1 on, each `from` at most its `to`")
      }
      guard let weight = Double(fields[4]), weight >= 0, weight.isFinite else {
        throw .at(
          name, index + 1, 1,
          "a weight must be a number, 0 or more, found `\(printable(Array(fields[4].utf8).span))`")
      }
      rows.append(Row(prompt: bounds[0]...bounds[1], output: bounds[2]...bounds[3]))
      weights.append(weight)
    }
    let total = weights.reduce(0, +)
    guard total > 0, total.isFinite else {
      throw UserError("\(name): no row has a weight above 0")
    }
    var sum = 0.0
    self.name = name
    self.rows = rows
    cumulative = weights.map {
      sum += $0
      return sum / total
    }
  }

  /// Draws one pair.
  func draw(from stream: inout RandomStream) -> Request {
    let row = rows[rank(stream.uniform(), in: cumulative)]
    func length(_ range: ClosedRange<Int32>) -> Int32 {
      range.lowerBound + Int32(stream.below(Int(range.upperBound) - Int(range.lowerBound) + 1))
    }
    return Request(promptTokens: length(row.prompt), outputTokens: length(row.output))
  }
}
