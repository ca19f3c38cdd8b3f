import CostModel
import Messages

/// How a checkpoint stores its weights, by `quantization_config` or `hf_quant_config.json`.
///
/// Not modelled: what a checkpoint says of the KV cache (`--kv-cache-dtype` does), quantized
/// embeddings and LM heads, and weights that an engine repacks as it loads them.
struct Quantization {
  /// What most matrices are stored as.
  private(set) var matrices = WeightFormat.bfloat16
  /// Modules that stay in 16 bits.
  private var kept: [ModulePattern] = []
  /// Where every module has a format of its own, those that have one.
  private var byModule: [String: WeightFormat]?
  /// The routed experts', where they differ from all others.
  private var experts: WeightFormat?

  /// - Parameters:
  ///   - text: The language model's fields, which may have a quantization of their own.
  ///   - beside: `hf_quant_config.json`, which wins.
  /// - Throws: ``UserError`` for a way of quantization that is not known.
  init(root: ConfigFields, text: ConfigFields, beside: ConfigFields?) throws {
    let inside =
      try root.optionalObject("quantization_config") ?? text.optionalObject("quantization_config")
    if let fields = try beside?.optionalObject("quantization") {
      try read(fields, inside)
    } else if let inside {
      try read(inside, nil)
    }
    if try text.optionalText("expert_dtype") == "fp4", matrices.elements == .fp8,
      experts == nil
    {
      experts = Self.mxfp4
    }
  }

  private mutating func read(_ fields: ConfigFields, _ inside: ConfigFields?) throws {
    for name in [
      "modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers", "exclude",
    ] {
      // `mtp.layers.0*` is the layer that predicts further tokens, and not the first.
      let modules = try fields.texts(name)?.filter { !$0.hasPrefix("mtp") } ?? []
      kept += modules.map(ModulePattern.init)
    }
    if let layers = try fields.optionalObject("quantized_layers") {
      byModule = try Self.formats(layers)
      // The narrowest is that of the experts, which are most of a model that mixes formats.
      matrices = byModule?.values.min { $0.bytes < $1.bytes } ?? .bfloat16
      guard let method = try inside?.optionalText("quant_method"), method == "fp8" else { return }
      // The file lists its experts; what it does not list is as the configuration says.
      experts = matrices
      byModule = nil
      kept = []
      matrices = Self.fp8
      return
    }
    matrices = try Self.format(fields)
    if try fields.optionalText("quant_algo") == "MIXED_PRECISION",
      try fields.optionalText("moe_quant_algo") == "NVFP4"
    {
      experts = WeightFormat(.nvfp4)
      kept = []
    }
  }

  // MARK: Formats

  private static let fp8 = WeightFormat(.fp8)
  /// 4 bits, with an 8-bit scale for each 32; priced like other 4-bit weights beside 16-bit
  /// activations.
  private static let mxfp4 = WeightFormat("mxfp4", .int4, bytes: 0.5 + 1.0 / 32)
  private static let mxfp8 = WeightFormat("mxfp8", .fp8, bytes: 1 + 1.0 / 32)

  /// The format of each module in a list by module.
  private static func formats(_ layers: ConfigFields) throws -> [String: WeightFormat] {
    var formats: [String: WeightFormat] = [:]
    for name in layers.names {
      guard let entry = try layers.optionalObject(name) else { continue }
      formats[ModulePattern.fromLayers(name)] = try format(entry)
    }
    return formats
  }

  /// What `quant_algo`, `quant_method` or the weights of `config_groups` say.
  private static func format(_ fields: ConfigFields) throws -> WeightFormat {
    let algorithm = try fields.optionalText("quant_algo")?.uppercased()
    switch algorithm {
    case nil: break
    case "FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PB_WO", "FP8_BLOCK_SCALES": return fp8
    case "NVFP4", "W4A16_NVFP4", "NVFP4_AWQ": return WeightFormat(.nvfp4)
    case "MXFP8": return mxfp8
    case "MXFP4", "W4A16_MXFP4", "W4A8_MXFP4_FP8": return mxfp4
    case "W4A16_AWQ", "W4A8_AWQ", "INT4_AWQ": return try integers(fields, bits: 4, scaleBytes: 2)
    case "W8A8_SQ_PER_CHANNEL", "INT8_SQ", "INT8": return WeightFormat(.int8)
    case "MIXED_PRECISION": break
    default:
      throw unknown(fields, "quant_algo", algorithm ?? "")
    }
    switch try fields.optionalText("quant_method")?.lowercased() {
    case "fp8", "fbgemm_fp8": return fp8
    case "mxfp4": return mxfp4
    case "mxfp8": return mxfp8
    case "quark": return try quark(fields)
    case "awq", "gptq", "gptq_marlin", "awq_marlin", "auto-round":
      let bits = try fields.count("bits", "w_bit", limit: .heads)
      return try integers(fields, bits: bits, scaleBytes: 2 + Double(bits) / 8)
    case "bitsandbytes":
      return WeightFormat(try fields.flag("load_in_4bit") ? .int4 : .int8)
    case "compressed-tensors", "modelopt", nil: return try grouped(fields)
    case let method?: throw unknown(fields, "quant_method", method)
    }
  }

  /// The weights of the first group of `config_groups`.
  private static func grouped(_ fields: ConfigFields) throws -> WeightFormat {
    guard let groups = try fields.optionalObject("config_groups"), let first = groups.names.first,
      let weights = try groups.optionalObject(first)?.optionalObject("weights")
    else {
      throw UserError(
        "\(fields.file): `\(fields.place)quant_method` or `\(fields.place)quant_algo` is missing: "
          + "how the weights are stored is not known",
        hint: "compare the file with the one that the model's publisher has")
    }
    let bits = try weights.count("num_bits", limit: .heads)
    guard try weights.optionalText("type") == "float" else {
      let zero = try weights.flag("symmetric", or: true) ? 0 : Double(bits) / 8
      return try integers(weights, bits: bits, scaleBytes: 2 + zero)
    }
    switch bits {
    case 8: return fp8
    case 4:
      let isMicroscaled = try weights.optionalCount("group_size", .tokens) == 32
      return isMicroscaled ? mxfp4 : WeightFormat(.nvfp4)
    default: throw unknown(weights, "num_bits", "\(bits)")
    }
  }

  /// AMD's: the weights that `global_quant_config` says.
  ///
  /// - Source: vLLM's `quantization/quark/quark.py`.
  private static func quark(_ fields: ConfigFields) throws -> WeightFormat {
    let weights = try fields.optionalObject("global_quant_config")?.optionalObject("weight")
    let type = try weights?.optionalText("dtype")
    switch (type, try weights?.optionalCount("group_size", .tokens)) {
    case ("fp8_e4m3"?, 32?): return mxfp8
    case ("fp8_e4m3"?, _): return fp8
    case ("fp4"?, _): return mxfp4
    case ("int8"?, _): return WeightFormat(.int8)
    default: throw unknown(weights ?? fields, "dtype", type ?? "nothing")
    }
  }

  /// Integers with a scale for each group, and room for a zero point where it has more than 2 bytes.
  ///
  /// - Source: the shapes of `scales` and `qzeros` in vLLM's `awq.py` and `gptq.py`.
  private static func integers(
    _ fields: ConfigFields, bits: Int, scaleBytes: Double
  ) throws -> WeightFormat {
    guard bits == 4 || bits == 8 else { throw unknown(fields, "bits", "\(bits)") }
    // -1 is one group a column.
    let group = (try? fields.optionalCount("group_size", .tokens)) ?? nil
    let scales = group.map { scaleBytes / Double($0) } ?? 0
    let elements = bits == 4 ? ElementType.int4 : .int8
    return WeightFormat(elements.rawValue, elements, bytes: Double(bits) / 8 + scales)
  }

  private static func unknown(_ fields: ConfigFields, _ name: String, _ found: String)
    -> UserError
  {
    UserError(
      "\(fields.file): `\(fields.place)\(name)` is a quantization that is not known, found "
        + "`\(printable(found))`",
      hint: "known are FP8, INT8, INT4 (AWQ, GPTQ, compressed-tensors), NVFP4 and MXFP4")
  }
}

// MARK: Layers

extension Quantization {
  /// The layers of a draft with the format of each part that is not the model's.
  func stored(_ draft: ModelDraft) -> [ModelLayer] {
    guard matrices != .bfloat16 else { return draft.layers }
    return draft.layers.enumerated().map { index, layer in
      var layer = layer
      let names = draft.modules
      let isRecurrent = if case .recurrent = layer.attention { true } else { false }
      func format(_ modules: [String]) -> WeightFormat? { unlike(modules, layer: index) }
      layer.formats.attentionInput = format(
        isRecurrent ? names.recurrentInput : names.attentionInput)
      layer.formats.attentionOutput = format(
        isRecurrent ? names.recurrentOutput : names.attentionOutput)
      if layer.attentionExtras != 0 {
        // Of a state that is its convolution, which stays in 16 bits everywhere.
        layer.formats.attentionExtras =
          isRecurrent ? .bfloat16 : format(names.attentionExtras)
      }
      if case .experts = layer.mlp {
        layer.formats.mlp = format(names.routed) ?? experts
        layer.formats.router = .bfloat16
        layer.formats.sharedExperts = format(names.shared)
      } else {
        layer.formats.mlp = format(names.dense)
      }
      if layer.mlpExtras != 0 { layer.formats.mlpExtras = .bfloat16 }
      return layer
    }
  }

  /// The format of a part, where it is not the model's: that of most of its modules.
  private func unlike(_ modules: [String], layer: Int) -> WeightFormat? {
    let names = modules.map { "layers.\(layer).\($0)" }
    if let byModule {
      let own = names.lazy.compactMap { byModule[$0] }.first ?? .bfloat16
      return own == matrices ? nil : own
    }
    let matching = names.filter { name in kept.contains { $0.matches(name, layer: layer) } }
    return 2 * matching.count > names.count ? .bfloat16 : nil
  }
}
