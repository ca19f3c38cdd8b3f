import CProfiles
import Foundation
import Messages
import SimulationKernel

/// The profile that a device is priced by: the user's, the one that the tool carries for it, or a
/// relative's.
struct ProfileChoice {
  let profile: DeviceProfile
  /// Whether it was measured on the device itself.
  let isOwn: Bool
  let costProfile: CostProfile

  /// - Throws: ``UserError`` for a user's profile of another device.
  init(device: DeviceSpec, own: DeviceProfile?) throws {
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
    let (name, isOwn) = ShippedProfiles.profileName(of: device.name)
    profile = ShippedProfiles.profile(name)
    self.isOwn = isOwn
    costProfile =
      isOwn
      ? CostProfile(name: device.name, isCalibrated: true, error: profile.errorText)
      : CostProfile(
        name: device.name, isCalibrated: false,
        error: "uncalibrated: data-sheet rates at the efficiencies of \(profile.device), "
          + "error not measured")
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
  static func profileName(of device: String) -> (name: String, isOwn: Bool) {
    switch device {
    case "a100-40gb", "a100-80gb": ("a100", true)
    case "h100-sxm": ("h100", true)
    case "b200": ("b200", true)
    case "rtx-pro-6000": ("rtx-pro-6000", true)
    case "l4", "l40s", "rtx-4090": ("rtx-pro-6000", false)
    case "a10g": ("a100", false)
    default: ("h100", false)
    }
  }

  /// Whether what was measured on one device holds on the other.
  static func isSameSilicon(_ a: String, _ b: String) -> Bool {
    let (a, b) = (profileName(of: a), profileName(of: b))
    return a.isOwn && b.isOwn && a.name == b.name
  }

  private static let a100 = decoded("a100", kvplan_profile_a100())
  private static let h100 = decoded("h100", kvplan_profile_h100())
  private static let b200 = decoded("b200", kvplan_profile_b200())
  private static let rtxPro6000 = decoded("rtx-pro-6000", kvplan_profile_rtx_pro_6000())

  /// A profile by the name of its file, read once.
  package static func profile(_ name: String) -> DeviceProfile {
    switch name {
    case "a100": a100
    case "b200": b200
    case "rtx-pro-6000": rtxPro6000
    default: h100
    }
  }

  private static func decoded(_ name: String, _ bytes: kvplan_profile_bytes) -> DeviceProfile {
    let data = Data(bytes: bytes.start, count: bytes.count)
    do {
      return try JSONDecoder().decode(DeviceProfile.self, from: data)
    } catch {
      preconditionFailure("ShippedProfiles: `\(name)` cannot be read: \(error)")
    }
  }
}
