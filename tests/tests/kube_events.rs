//! What is wrong with an object is told where its owner looks.

use tests::scenario::kube;

#[test]
fn an_object_is_told_of_once_however_many_speakers_there_are() {
    kube::events().unwrap();
}
