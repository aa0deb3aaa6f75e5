//! Pictures that apps scan.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{Color, EcLevel, QrCode};

/// Pixels of one module.
const SCALE: usize = 6;
/// Modules of white around it (ISO/IEC 18004).
const QUIET: usize = 4;

/// A PNG of a QR code as a data URI.
pub(super) fn data_uri(text: &str) -> anyhow::Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).context("a QR code")?;
    let side = (code.width() + 2 * QUIET) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let module = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|at| *at < code.width());
        matches!((module(x), module(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
    };
    let pixels: Vec<u8> = (0..side * side)
        .map(|at| if is_dark(at % side, at / side) { 0 } else { u8::MAX })
        .collect();
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(&pixels, side)?)))
}

fn png(pixels: &[u8], side: usize) -> anyhow::Result<Vec<u8>> {
    let side = u32::try_from(side)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_square_picture_with_a_white_border_and_a_finder_in_each_of_three_corners() {
        let uri = data_uri("otpauth://totp/Annals:ada?secret=GEZDGNBVGY3TQOJQ").unwrap();

        let file = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let side = usize::try_from(reader.info().width).unwrap();
        assert_eq!(pixels.len(), side * side);
        let (first, last) = (QUIET * SCALE, side - QUIET * SCALE - 1);
        assert!(pixels[..first * side].iter().all(|pixel| *pixel == u8::MAX));
        for (x, y) in [(first, first), (last, first), (first, last)] {
            assert_eq!(pixels[y * side + x], 0, "{x}, {y}");
        }
        assert_eq!(pixels[(last + 1) * side + last + 1], u8::MAX);
    }
}
