import CostModel

/// What a model sees with: transformer layers over patches of an image, and a projector.
enum VisionTower {
  /// Parameters by the fields of `vision_config`; 0 where it is missing or has other fields.
  ///
  /// Biases, norms and class embeddings are left out. Not modelled: towers of another structure, and
  /// what towers take beside their weights.
  static func parameters(_ root: ConfigFields) throws -> Int {
    guard let vision = try root.optionalObject("vision_config") else { return 0 }
    func number(_ names: [String]) throws -> Int? {
      for name in names {
        if let number = try vision.optionalCount(name, .width) { return number }
      }
      return nil
    }
    guard let layers = try number(["depth", "num_hidden_layers", "vt_num_hidden_layers"]),
      layers <= ConfigFields.Limit.layers.rawValue,
      let hidden = try number(["hidden_size", "vt_hidden_size"]),
      let inner = try number(["intermediate_size", "vt_intermediate_size"])
    else { return 0 }
    // The MLPs of Gemma-4 and Qwen2.5-VL have a gate.
    let kind = try vision.optionalText("model_type") ?? ""
    let isGated = kind.hasPrefix("gemma4") || kind == "qwen2_5_vl"
    let tower = layers * (4 * hidden * hidden + (isGated ? 3 : 2) * hidden * inner)
    let patch = try vision.optionalCount("patch_size", .heads) ?? 14
    let frames = try vision.optionalCount("temporal_patch_size", .heads) ?? 1
    let patches = 3 * min(frames, 16) * patch * patch * hidden
    let positions = try number(["num_position_embeddings"]) ?? 0
    return try tower + patches + positions * hidden + projector(vision, hidden, root)
  }

  /// Neighbouring patches are merged and projected to the language model's width.
  private static func projector(_ vision: ConfigFields, _ hidden: Int, _ root: ConfigFields) throws
    -> Int
  {
    guard let merge = try vision.optionalCount("spatial_merge_size", .heads) else { return 0 }
    let out = try vision.count("out_hidden_size", limit: .width)
    let merged = hidden * min(merge * merge, 64)
    let mergers = try 1 + (vision.counts("deepstack_visual_indexes")?.count ?? 0)
    return min(mergers, 64) * merged * (merged + out)
  }
}
