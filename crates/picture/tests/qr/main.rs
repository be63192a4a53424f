//! Codes as others see them: pixels decoded from the files, vectors parsed and drawn by a library that is not ours.

mod dense;
mod drawn;
mod judged;
mod looks;
