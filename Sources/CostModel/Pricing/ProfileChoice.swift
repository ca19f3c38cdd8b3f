import CProfiles
import Foundation
import Messages
import SimulationKernel
import Synchronization

/// The profile that a device is priced by: the user's, the one that the tool carries for it, or a
/// relative's.
struct ProfileChoice {
  private(set) var profile: DeviceProfile
  /// Whether it was measured on the device itself.
  private(set) var isOwn: Bool
  let costProfile: CostProfile

  /// - Throws: ``UserError`` for a user's profile of another device.
  ///
  /// - Parameter library: Whose kernels run where engines have their own; `nil` for the others alone.
  init(device: DeviceSpec, own: DeviceProfile?, library: KernelLibrary? = nil) throws {
    if let own {
      guard own.device == device.name || ShippedProfiles.isSameSilicon(own.device, device.name)
      else {
        throw UserError(
          "the profile `\(own.name)` was measured on `\(own.device)`, the device is "
            + "`\(device.name)`",
          hint: "give `--device \(own.device)`, or calibrate one for `\(device.name)`")
      }
      profile = own
      isOwn = true
      costProfile = CostProfile(name: own.name, isCalibrated: true, error: own.errorText)
      return
    }
    let (name, isOwn) = ShippedProfiles.profileName(of: device.name, library)
    profile = library.map { ShippedProfiles.profile(name, $0) } ?? ShippedProfiles.profile(name)
    self.isOwn = isOwn
    costProfile =
      isOwn
      ? CostProfile(name: device.name, isCalibrated: true, error: profile.errorText)
      : CostProfile(
        name: device.name, isCalibrated: false,
        error: "uncalibrated: "
          + (device.architecture == .cpu
            ? "data-sheet rates by a roofline, "
            : "data-sheet rates at the efficiencies of \(profile.device), ")
          + "error not measured")
  }
}

extension ProfileChoice {
  /// Where the kernels of states in place of keys and values stand: the user's profile, or that of the device's states,
  /// measured with vLLM's kernels alone, from libraries that other engines run as well; without operators where there is
  /// none.
  static func ofStates(device: DeviceSpec, own: DeviceProfile?) throws -> ProfileChoice {
    var choice = try ProfileChoice(device: device, own: own)
    guard own == nil else { return choice }
    let (name, isOwn) = ShippedProfiles.profileName(of: device.name, .vllm)
    choice.profile.operators = ShippedProfiles.states(name)
    choice.isOwn = isOwn
    return choice
  }
}

/// The profiles that the tool carries.
package enum ShippedProfiles {
  /// Whether the prices of a device rest on kernels measured on it; those of the paper's engines do not.
  package static func isCalibrated(_ device: DeviceSpec) -> Bool {
    device.software == .present && profileName(of: device.name).isOwn
  }

  /// Which profile prices a device, and whether it was measured on the same silicon.
  ///
  /// The A100's two memories differ in bandwidth only, which formulas are relative to. Others take
  /// the coefficients of the nearest relative: Hopper those of the H100, data-centre Ampere those of
  /// the A100, cards without NVLink those of the RTX PRO 6000.
  ///
  /// The H200's own tables price models whose engines have kernels of their own alone. Dense models are served as the
  /// H100's kernels at the H200's rates say. Mean error of TPOT on the dev file's 91 rows of it, own tables against the
  /// H100's: vLLM 7 and 14 % against −2 and 3 % (35 and 10 rows), SGLang −7 against −1 % (28), TensorRT-LLM 16 against
  /// 9 % (18).
  static func profileName(
    of device: String, _ library: KernelLibrary? = nil
  ) -> (name: String, isOwn: Bool) {
    switch device {
    case "a100-40gb", "a100-80gb": ("a100", true)
    case "h100-sxm": ("h100", true)
    case "h200-sxm": library == nil ? ("h100", false) : ("h200", true)
    case "b200": ("b200", true)
    case "b300": ("b300", true)
    case "gb200": ("gb200", true)
    case "l40s": ("l40s", true)
    case "rtx-pro-6000": ("rtx-pro-6000", true)
    case "l4", "rtx-4090": ("rtx-pro-6000", false)
    case "a10g": ("a100", false)
    default: ("h100", false)
    }
  }

  /// Whether what was measured on one device holds on the other.
  static func isSameSilicon(_ a: String, _ b: String) -> Bool {
    let (a, b) = (profileName(of: a), profileName(of: b))
    return a.isOwn && b.isOwn && a.name == b.name
  }

  /// Profiles that were asked for, by name: each is read once.
  private static let read = Mutex<[String: DeviceProfile]>([:])

  /// A profile by the name of its file.
  package static func profile(_ name: String) -> DeviceProfile {
    guard let found = known(name) else { preconditionFailure("ShippedProfiles: no `\(name)`") }
    return found
  }

  /// A profile with the kernels of an engine, where engines have their own.
  ///
  /// vLLM's latent attention was measured with its projections only; the kernel alone stands in TensorRT-LLM's tables: what
  /// 8,192 tokens take beyond 128 differs by 1 % on an H200 (64 sequences, 8 heads, 8-bit cache), from SGLang's ten times.
  static func profile(_ name: String, _ library: KernelLibrary) -> DeviceProfile {
    var whole = profile(name)
    whole.operators += known("\(name)-\(library.rawValue)")?.operators ?? []
    whole.operators += borrowedKernels(name, library)
    if !whole.operators.contains(where: { $0.op.kind == .latentDecode }) {
      let others = known("\(name)-\(KernelLibrary.trtllm.rawValue)")?.operators ?? []
      whole.operators += others.filter { $0.op.kind != .experts }
    }
    return whole
  }

  /// Kernels of layers with a state in place of keys and values.
  static func states(_ name: String) -> [OperatorProfile] {
    known("\(name)-states")?.operators ?? []
  }

  /// Kernels of experts of the types that an engine runs by a flag and that stand in SGLang's table alone.
  ///
  /// TensorRT-LLM generates some, and FlashInfer offers them to every engine: those of TensorRT-LLM on Blackwell
  /// (`moe_config.backend: TRTLLM`), whose own table of 8-bit blocks has DeepGEMM only, and vLLM's of 8-bit activations
  /// (`VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8`), where its table of gpt-oss has 16-bit ones only. Both take as long in SGLang's
  /// table as in vLLM's where both were measured (gpt-oss, 16-bit activations, 8 to 8,192 tokens: within 2.5 %).
  /// Triton's of 8-bit blocks stays SGLang's, so that it runs under vLLM where it is asked for by name alone.
  private static func borrowedKernels(
    _ name: String, _ library: KernelLibrary
  ) -> [OperatorProfile] {
    let generated = "sglang_flashinfer_trtllm"
    let (borrowed, byName): (String, String?)
    switch library {
    case .trtllm: (borrowed, byName) = ("fp8_block/\(generated)", nil)
    case .vllm:
      (borrowed, byName) = ("w4a8_mxfp4_mxfp8/\(generated)", "fp8_block/sglang_fused_moe_triton")
    case .sglang: return []
    }
    let others = known("\(name)-\(KernelLibrary.sglang.rawValue)")?.operators ?? []
    return others.compactMap {
      guard let kernel = $0.op.kernel else { return nil }
      if let byName, kernel.hasPrefix(byName) { return $0 }
      guard kernel.hasPrefix(borrowed) else { return nil }
      var operation = $0
      operation.op.library = library
      return operation
    }
  }

  private static func known(_ name: String) -> DeviceProfile? {
    read.withLock { read in
      if let found = read[name] { return found }
      let bytes = kvplan_profile(name)
      guard let start = bytes.start else { return nil }
      do {
        let data = Data(bytes: start, count: bytes.count)
        let profile = try JSONDecoder().decode(DeviceProfile.self, from: data)
        read[name] = profile
        return profile
      } catch {
        preconditionFailure("ShippedProfiles: `\(name)` cannot be read: \(error)")
      }
    }
  }
}
