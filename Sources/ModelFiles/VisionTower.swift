import CostModel

/// What a model sees with: transformer layers over patches of an image, and a projector.
///
/// - Source: the towers of transformers, whose parameters are counted there with the fields that published files have
///   (`FurtherFamiliesTests`); DeepEncoder by its paper.
enum VisionTower {
  /// Parameters by the fields of `vision_config`; 0 where it is missing or has other fields.
  ///
  /// Biases, norms and class embeddings are left out. Not modelled: towers of another structure, and
  /// what towers take beside their weights.
  ///
  /// - Parameters:
  ///   - root: The fields of the whole model.
  ///   - text: Those of its language model.
  static func parameters(_ root: ConfigFields, text: ConfigFields) throws -> Int {
    guard let vision = try root.optionalObject("vision_config") else { return 0 }
    let kind = try vision.optionalText("model_type") ?? ""
    if let named = try ofName(vision, root, text) { return named }
    guard let shape = try Shape(vision, kind) else { return 0 }
    let patch = try vision.optionalCount("patch_size", .heads, ofLayer: 0) ?? 14
    let frames = try vision.optionalCount("temporal_patch_size", .heads) ?? 1
    let patches = 3 * min(frames, 16) * patch * patch * shape.hidden
    let positions = try vision.optionalCount("num_position_embeddings", .width) ?? 0
    return try shape.parameters + patches + positions * shape.hidden
      + projector(vision, kind, shape.hidden, root, text)
  }

  /// The layers of a tower.
  private struct Shape {
    var layers: Int
    var hidden: Int
    var inner: Int
    /// Matrices of an MLP: 3 where it has a gate.
    var matrices = 2
    /// Width of keys, and of values.
    var keys: Int

    var parameters: Int {
      layers * (2 * hidden * hidden + 2 * hidden * keys + matrices * hidden * inner)
    }

    init(layers: Int, hidden: Int, inner: Int) {
      self.layers = layers
      self.hidden = hidden
      self.inner = inner
      keys = hidden
    }

    /// `nil` for a tower whose fields are others.
    init?(_ vision: ConfigFields, _ kind: String) throws {
      func number(_ names: [String]) throws -> Int? {
        for name in names {
          if let number = try vision.optionalCount(name, .width) { return number }
        }
        return nil
      }
      guard
        let layers = try number(["depth", "num_hidden_layers", "vt_num_hidden_layers", "layers"]),
        layers <= ConfigFields.Limit.layers.rawValue,
        let hidden = try number(["embed_dim", "hidden_size", "vt_hidden_size", "width"])
      else { return nil }
      let ratio = try vision.optionalReal("mlp_ratio").map { Int(min($0, 16) * Double(hidden)) }
      guard
        var inner = try number(["intermediate_size", "vt_intermediate_size"]) ?? ratio
      else { return nil }
      // The MLPs of these have a gate.
      let gated = ["gemma4", "qwen2_5_", "pixtral", "glm4v", "exaone4_5"]
      if gated.contains(where: kind.hasPrefix) { matrices = 3 }
      // Only the projector is as wide as the field says.
      if kind.hasPrefix("glm4v") { inner = try vision.count("out_hidden_size", limit: .width) }
      self.layers = layers
      self.hidden = hidden
      self.inner = inner
      let heads = try number(["num_heads"]) ?? 1
      let kv = try number(["num_key_value_heads"]) ?? heads
      keys = kind.hasPrefix("exaone4_5") && kv < heads ? hidden * kv / heads : hidden
    }
  }

  /// Towers that are named, not described.
  private static func ofName(
    _ vision: ConfigFields, _ root: ConfigFields, _ text: ConfigFields
  ) throws -> Int? {
    // MobileNet-V5-300M, by its name.
    if vision.isText("architecture"),
      try vision.optionalText("architecture") == "mobilenetv5_300m_enc"
    {
      return 300_000_000
    }
    let arguments = try vision.optionalObject("args")
    if let arguments, arguments.isText("model"),
      try arguments.optionalText("model") == "vit_huge_patch16_224"
    {
      // RADIO-H, of which four patches are merged.
      let inner = try root.optionalCount("projector_hidden_size", .innerWidth) ?? 0
      return try Shape(layers: 32, hidden: 1280, inner: 5120).parameters
        + (4 * 1280 + text.hidden()) * inner
    }
    guard vision.isObject("width") else { return nil }
    // DeepEncoder: CLIP-L behind SAM-B.
    return Shape(layers: 24, hidden: 1024, inner: 4096).parameters
      + Shape(layers: 12, hidden: 768, inner: 3072).parameters
  }

  /// What leads from patches to the language model's width.
  private static func projector(
    _ vision: ConfigFields, _ kind: String, _ hidden: Int, _ root: ConfigFields,
    _ text: ConfigFields
  ) throws -> Int {
    let model = try text.hidden()
    if kind == "pixtral" || kind == "clip_vision_model" {
      // Mistral merges neighbouring patches first.
      let merge = try root.optionalCount("spatial_merge_size", .heads) ?? 0
      return min(merge * merge, 64) * hidden * hidden + (hidden + model) * model
    }
    if kind.hasPrefix("intern") { return (4 * hidden + model) * model }
    guard let merge = try vision.optionalCount("spatial_merge_size", .heads) else { return 0 }
    let merged = hidden * min(merge * merge, 64)
    if kind.hasPrefix("glm4v") {
      let width = try vision.count("intermediate_size", limit: .innerWidth)
      return (merged + model + 3 * width) * model
    }
    let out = try vision.optionalCount("out_hidden_size", .width) ?? model
    let mergers = try 1 + (vision.counts("deepstack_visual_indexes")?.count ?? 0)
    return min(mergers, 64) * merged * (merged + out)
  }
}
