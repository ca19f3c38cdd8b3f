import Foundation
import Kernels

/// The block-size study on paper: a CSV, a drawing, and a page around it.
package struct BlockSizeFigure {
  private let points: [BlockSizeStudy.Point]
  private let model: String
  private let machine: KernelMachine

  private static let width = 640.0
  private static let height = 360.0
  private static let margin = (left: 56.0, right: 96.0, top: 24.0, bottom: 44.0)
  private static let colours = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677"]

  package init(_ points: [BlockSizeStudy.Point], model: String, machine: KernelMachine) {
    self.points = points
    self.model = model
    self.machine = machine
  }

  package var csv: String {
    let header =
      "context_tokens,block_size,paged_us,contiguous_us,ratio,ratio_lower_quartile,"
      + "ratio_upper_quartile\n"
    return header
      + points.map { point in
        "\(point.contextTokens),\(point.blockSize),\(text(point.pagedMicroseconds)),"
          + "\(text(point.contiguousMicroseconds)),\(text(point.ratio)),"
          + "\(text(point.lowerQuartile)),\(text(point.upperQuartile))\n"
      }.joined()
  }

  /// A number with three decimals.
  private func text(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }

  private var contexts: [Int] { BlockSizeStudy.contexts }

  private var greatest: Double { max(1.5, points.map(\.upperQuartile).max() ?? 0) }

  private func x(_ blockSize: Int) -> Double {
    let sizes = BlockSizeStudy.blockSizes
    let span = log2(Double(sizes[sizes.count - 1]))
    let inner = Self.width - Self.margin.left - Self.margin.right
    return Self.margin.left + log2(Double(blockSize)) / span * inner
  }

  private func y(_ ratio: Double) -> Double {
    let inner = Self.height - Self.margin.top - Self.margin.bottom
    return Self.height - Self.margin.bottom - ratio / greatest * inner
  }

  /// The ratio over the block size, a line for each context; the bars span the quartiles.
  package var svg: String {
    var marks = axes
    for (index, context) in contexts.enumerated() {
      let colour = Self.colours[index % Self.colours.count]
      let line = points.filter { $0.contextTokens == context }
      let path = line.map { "\(text(x($0.blockSize))),\(text(y($0.ratio)))" }
      marks.append(
        "<polyline points=\"\(path.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" "
          + "stroke-width=\"2\"/>")
      for point in line {
        let at = text(x(point.blockSize))
        marks.append(
          "<line x1=\"\(at)\" x2=\"\(at)\" y1=\"\(text(y(point.lowerQuartile)))\" "
            + "y2=\"\(text(y(point.upperQuartile)))\" stroke=\"\(colour)\"/>")
      }
      let key = text(Self.margin.top + Double(index) * 18 + 6)
      marks.append(
        "<text x=\"\(text(Self.width - 88))\" y=\"\(key)\" fill=\"\(colour)\">\(context) tokens"
          + "</text>")
    }
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) "
      + "\(Int(Self.height))\" font-family=\"sans-serif\" font-size=\"12\">\n"
      + marks.joined(separator: "\n") + "\n</svg>\n"
  }

  private var axes: [String] {
    let right = text(Self.width - Self.margin.right)
    let left = text(Self.margin.left)
    var marks: [String] = []
    for ratio in stride(from: 0, through: greatest, by: 0.5) {
      let at = text(y(ratio))
      marks.append(
        "<line x1=\"\(left)\" x2=\"\(right)\" y1=\"\(at)\" y2=\"\(at)\" "
          + "stroke=\"\(ratio == 1 ? "#888" : "#ddd")\"/>")
      marks.append("<text x=\"\(text(Self.margin.left - 30))\" y=\"\(at)\">\(ratio)</text>")
    }
    for size in BlockSizeStudy.blockSizes {
      marks.append(
        "<text x=\"\(text(x(size)))\" y=\"\(text(Self.height - 26))\" "
          + "text-anchor=\"middle\">\(size)</text>")
    }
    marks.append(
      "<text x=\"\(text(Self.width / 2 - 20))\" y=\"\(text(Self.height - 8))\" "
        + "text-anchor=\"middle\">block size, tokens</text>")
    marks.append("<text x=\"8\" y=\"14\">paged ÷ contiguous (OpenBLAS), decode attention</text>")
    return marks
  }

  /// A page that explains the drawing and repeats its numbers.
  package var page: String {
    let rows = points.map { point in
      "| \(point.contextTokens) | \(point.blockSize) | \(text(point.pagedMicroseconds)) | "
        + "\(text(point.contiguousMicroseconds)) | \(text(point.ratio)) | "
        + "\(text(point.lowerQuartile))–\(text(point.upperQuartile)) |\n"
    }.joined()
    return """
      # What block tables cost decode attention on a CPU

      Paged decode attention of `\(model)`'s heads (one sequence, one layer, blocks in random order) \
      against contiguous attention by two OpenBLAS sgemv a head, measured in turn in one run: \
      processor time of one thread, median of the ratios of neighbours, quartiles as the spread. \
      The counterpart of Figure 18 of the PagedAttention paper.

      Machine: \(machine.processor), \(machine.cores) cores, OpenBLAS core `\(machine.blas)`, own \
      kernels `\(machine.instructionSet)`.

      ![ratio against block size](block-size.svg)

      | context, tokens | block size | paged, µs | contiguous, µs | ratio | quartiles |
      |---:|---:|---:|---:|---:|---|
      \(rows)
      Made by `kvplan calibrate cpu --model \(model) --report …`. Ratios below 1 are our kernel's \
      (query heads of a group share their loads, which two sgemv a head do not).

      """
  }
}
