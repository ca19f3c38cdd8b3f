import ArgumentParser
import CostModel
import Messages
import Planning

/// What iterations cost.
struct KernelPriceOptions: ParsableArguments {
  @Option(help: "Device profile that `kvplan calibrate` wrote (default: the tool's own).")
  var deviceProfile: String?

  @Option(
    help: """
      What the engine adds to its kernels: `vllm` for what the release adds on measured servers, `none`, or \
      the profile of a server that `kvplan calibrate server` wrote; \(only("engine-overheads")) (default: \
      vllm on devices of today, none on those of 2023).
      """)
  var engineOverheads: String?

  /// - Throws: ``UserError`` for what is neither a word nor a file.
  func overheads() throws -> OverheadsChoice? {
    switch engineOverheads {
    case nil: nil
    case "vllm": .vllm
    case "none": .kernelsOnly
    case let path?:
      if path.hasSuffix(".json") {
        .server(try ServerProfile.read(path: path))
      } else {
        throw UserError(
          "`--engine-overheads` must be `vllm`, `none` or a server profile, found `\(path)`",
          hint: "`kvplan calibrate server` writes profiles, files that end in `.json`")
      }
    }
  }
}
