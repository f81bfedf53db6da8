//! Products of matrices that are views into slices, on the calling thread.
#![allow(unsafe_code, reason = "`gemm` takes pointers; the views are checked when they are made")]

use gemm::Parallelism;

/// A view of a matrix in a slice; what it covers lies within the slice.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// Rows and columns of `shape`, `strides` apart; `None` where they do not lie within `values`.
    pub fn new(values: &'a [f32], shape: (usize, usize), strides: (usize, usize)) -> Option<Self> {
        (extent(shape, strides)? <= values.len()).then_some(Self { values, shape, strides })
    }

    /// Rows and columns exchanged.
    pub const fn transposed(self) -> Self {
        let (shape, strides) = ((self.shape.1, self.shape.0), (self.strides.1, self.strides.0));
        Self { shape, strides, ..self }
    }
}

/// Elements from the first to the last, that one included.
fn extent((rows, columns): (usize, usize), strides: (usize, usize)) -> Option<usize> {
    if rows == 0 || columns == 0 {
        return Some(0);
    }
    let last = (rows - 1).checked_mul(strides.0)?;
    last.checked_add((columns - 1).checked_mul(strides.1)?)?.checked_add(1)
}

/// Writes `scale` × `a` × `b` into `out`, whose rows are `stride` apart. `None`, and nothing is written, where the shapes
/// do not fit.
pub fn matmul(
    (out, stride): (&mut [f32], usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    scale: f32,
) -> Option<()> {
    let (m, k) = a.shape;
    let n = b.shape.1;
    let fits = b.shape.0 == k && stride >= n && extent((m, n), (stride, 1))? <= out.len();
    fits.then_some(())?;
    let step = |stride: usize| isize::try_from(stride).ok();
    let (a_rows, a_columns) = (step(a.strides.0)?, step(a.strides.1)?);
    let (b_rows, b_columns) = (step(b.strides.0)?, step(b.strides.1)?);
    let stride = step(stride)?;
    // SAFETY: `extent` proved that every element of the three views lies within its slice, `out` is borrowed mutably
    // and so overlaps neither of the others, and rows of `out` do not overlap because `stride >= n`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride,
            false,
            a.values.as_ptr(),
            a_columns,
            a_rows,
            b.values.as_ptr(),
            b_columns,
            b_rows,
            0.0,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_of_views_is_what_three_loops_make() {
        let a: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..12).map(|i| (i % 5) as f32).collect();
        let (left, right) = (Matrix::new(&a, (2, 3), (3, 1)), Matrix::new(&b, (4, 3), (3, 1)));
        let mut out = vec![7.0; 10];
        matmul((&mut out, 5), left.unwrap(), right.unwrap().transposed(), 2.0).unwrap();
        for i in 0..2 {
            for j in 0..4 {
                let expected: f32 = (0..3).map(|k| 2.0 * a[i * 3 + k] * b[j * 3 + k]).sum();
                assert_eq!(out[i * 5 + j], expected);
            }
        }
        assert_eq!((out[4], out[9]), (7.0, 7.0), "what lies between the rows stays");
    }

    #[test]
    fn views_and_products_that_do_not_fit_are_refused() {
        let values = [0.0; 6];
        assert!(Matrix::new(&values, (3, 3), (3, 1)).is_none());
        assert!(Matrix::new(&values, (usize::MAX, 2), (3, 1)).is_none());
        let view = Matrix::new(&values, (2, 3), (3, 1)).unwrap();
        assert!(matmul((&mut [0.0; 9], 3), view, view, 1.0).is_none());
        assert!(matmul((&mut [0.0; 3], 2), view, view.transposed(), 1.0).is_none());
    }
}
