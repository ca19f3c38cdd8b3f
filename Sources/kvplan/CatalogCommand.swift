import ArgumentParser
import CostModel
import ModelFiles
import Results
import Serving

/// `kvplan catalog`: what there is to choose from.
struct CatalogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "List models, devices and serving systems; say what fits.",
    subcommands: [
      CatalogModelsCommand.self, CatalogDevicesCommand.self, CatalogSystemsCommand.self,
      CatalogFitCommand.self,
    ])
}

/// `kvplan catalog models`.
struct CatalogModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List the models.",
    discussion: """
      Bytes of keys and values are those of one GPU that holds all of the model, in 16 bits. Groups, and what a context \
      takes of a pool (8,192, 32,768 and 131,072 tokens), are those of `vllm-v1`. The source is the model's own \
      published configuration, a recalled one, or the catalogue, whose tables say what they rest on.

      EXAMPLE
        kvplan catalog models --format csv
      """)

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() {
    Terminal.write(
      CatalogTable(
        columns: [
          ("name", .name), ("layers", .count), ("hidden", .count), ("heads", .count),
          ("kv_heads", .count), ("head_dim", .count), ("max_positions", .count),
          ("params_b", .count), ("kv_bytes_per_token", .count), ("layers_by_kind", .name),
          ("kv_bytes_per_token_by_group", .name), ("kv_bytes_8k", .count),
          ("kv_bytes_32k", .count), ("kv_bytes_128k", .count), ("aliases", .name),
          ("source", .name),
        ],
        rows: ModelFile.all.map { model in
          let groups = ModelGroups(model)
          return [
            model.name, "\(model.layers.count)", "\(model.hidden)", "\(model.heads)",
            "\(model.kvHeads)", "\(model.headDim)", "\(model.maxPositions)",
            Digits.fixed(Double(model.parameters()) / 1e9, decimals: 2),
            "\(model.kvBytesPerToken())", groups.layersByKind, groups.tokenBytesByGroup,
          ] + [8192, 32_768, 131_072].map { groups.contextBytes($0).map { "\($0)" } ?? "" } + [
            model.aliases.joined(separator: " "),
            source(of: model),
          ]
        }
      ).rendered(format))
  }

  private func source(of model: ModelSpec) -> String {
    if model.aliases.contains(where: ModelFile.isPublished) { return "config.json" }
    return model.aliases.contains(where: ModelFile.isRecalled) ? "recalled" : "catalogue"
  }
}

/// `kvplan catalog devices`.
struct CatalogDevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "List the devices.",
    discussion: """
      EXAMPLE
        kvplan catalog devices
      """)

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() {
    Terminal.write(
      CatalogTable(
        columns: [
          ("name", .name), ("memory_gib", .count), ("memory", .name), ("bandwidth_gbs", .count),
          ("fp16_tflops", .count), ("link_gbs", .count), ("tdp_w", .count),
          ("dollars_per_hour", .count), ("prices", .name), ("aliases", .name),
        ],
        rows: DeviceCatalogue.all.map { device in
          [
            device.name, Digits.fixed(Double(device.memoryBytes) / Double(1 << 30), decimals: 2),
            device.memoryEvidence.text,
            Digits.fixed(device.memoryBandwidth / 1e9, decimals: 0),
            Digits.fixed(device.tensorRate / 1e12, decimals: 0),
            device.linkBandwidth.map { Digits.fixed($0 / 1e9, decimals: 0) } ?? "",
            Digits.fixed(device.tdpWatts, decimals: 0),
            device.price.map { Digits.fixed($0.dollarsPerHour, decimals: 2) } ?? "",
            !device.isPriced
              ? "none" : ShippedProfiles.isCalibrated(device) ? "calibrated" : "uncalibrated",
            device.aliases.joined(separator: " "),
          ]
        }
      ).rendered(format))
  }
}

/// `kvplan catalog systems`.
struct CatalogSystemsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "systems", abstract: "List the serving systems.",
    discussion: """
      EXAMPLE
        kvplan catalog systems
      """)

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() {
    Terminal.write(
      CatalogTable(
        columns: [
          ("name", .name), ("releases", .name), ("gpu_memory_utilization", .count),
          ("swap_space_gib", .count), ("max_num_seqs", .count),
          ("max_num_batched_tokens", .count), ("summary", .name),
        ],
        rows: ServingSystem.all.map { system in
          let defaults = system.defaults(on: nil)
          return [
            system.name, system.releasesText,
            Digits.fixed(defaults.gpuMemoryUtilization, decimals: 2),
            Digits.fixed(defaults.swapSpaceGiB, decimals: 0),
            "\(defaults.maxSequences)", "\(defaults.maxBatchedTokens)", system.summary,
          ]
        }
      ).rendered(format))
  }
}

/// A list of things with named columns, in any output format.
struct CatalogTable {
  enum Kind { case name, count }

  var columns: [(key: String, kind: Kind)]
  /// Absent values are empty.
  var rows: [[String]]

  func rendered(_ format: OutputFormat) -> String {
    switch format {
    case .table:
      var table = TextTable(columns.map { .init($0.key, $0.kind == .name ? .left : .right) })
      table.rows = rows
      return table.rendered(maxWidth: Terminal.width)
    case .csv:
      let lines = [columns.map(\.key)] + rows
      return lines.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    case .json:
      let objects = rows.map { row in
        JSONValue.object(zip(columns, row).map { .init($0.key, value($1, $0.kind)) })
      }
      return JSONValue.array(objects).recorded.indented + "\n"
    }
  }

  private func value(_ text: String, _ kind: Kind) -> JSONValue {
    if kind == .name { return .text(text) }
    if let integer = Int(text) { return .integer(integer) }
    return Double(text).map { .real($0) } ?? .null
  }

  private func quoted(_ field: String) -> String {
    guard field.contains(where: { $0 == "," || $0 == "\"" }) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
