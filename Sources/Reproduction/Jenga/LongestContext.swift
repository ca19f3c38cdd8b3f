import CostModel
import ModelFiles

/// The longest context of Llama 4 (109B) on eight GPUs: pages by kind of layer against one size for all.
///
/// Of its 48 layers 12 keep every token and 36 a chunk of 8,192. One size for all keeps every token in each; Jenga's pages
/// give back what lies before the chunk.
///
/// - Source: the numbers of SOSP 2025 are from a note (`reference/systems-memory.md` §1A); layers and chunk from the model's
///   `config.json`. The release of vLLM is not said there: 0.8.5, among the first that run the model.
enum LongestContext {
  /// Tokens of one sequence that fill the KV cache.
  ///
  /// - Parameters:
  ///   - kvBytes: Of the KV cache on a GPU.
  ///   - layerBytes: Of a token in a layer on a GPU.
  static func tokens(kvBytes: Int, layerBytes: Int) -> (uniform: Int, jenga: Int) {
    (
      kvBytes / ((fullLayers + chunkLayers) * layerBytes),
      (kvBytes - chunkLayers * chunkTokens * layerBytes) / (fullLayers * layerBytes)
    )
  }

  private static let (fullLayers, chunkLayers, chunkTokens) = (12, 36, 8192)
  private static let gpus = 8

  /// - Parameter figure: The reproduction's name.
  static func claims(_ figure: String) throws -> [Claim] {
    let model = try ModelFile.find("llama-4-scout-17b-16e-instruct")
    return try [("h100-sxm", 1.3, 5.2), ("h200-sxm", 3.7, 14.7)].flatMap { name, uniform, jenga in
      var inputs = KVBudget.Inputs(
        model: model, device: try DeviceCatalogue.find(name), tensorParallel: gpus,
        utilization: 0.9, tokenBudget: 8192, blockSize: 16)
      inputs.engine = .vllm(
        VLLMMemory(release: VLLMRelease(0, 8, 5), sequences: 1024, modelLength: 10_485_760))
      let ours = tokens(
        kvBytes: KVBudget(inputs).kvBytes,
        layerBytes: model.kvBytesPerToken(tensorParallel: gpus) / model.layers.count)
      let note = "within 10 %; from a note on the SOSP version, release and settings are not said"
      return [
        Claim(
          figure, "Llama 4 109B on 8 x \(name), one size for all, longest context, million tokens",
          Claim.relative(uniform, 0.1), ours: Double(ours.uniform) / 1e6, note: note),
        Claim(
          figure, "Llama 4 109B on 8 x \(name), Jenga, longest context, million tokens",
          Claim.relative(jenga, 0.1), ours: Double(ours.jenga) / 1e6, note: note),
      ]
    }
  }
}
