//! That the routes stand side by side.

use super::*;

#[test]
fn no_route_stands_in_the_way_of_another() {
    let (routes, _) = routes().split_for_parts();

    let _: Router<App> = routes.merge(document::pages());
}

#[test]
fn every_described_path_has_its_one_spelling() {
    let described = routes().into_openapi().paths.paths;

    for path in described.keys() {
        let request = axum::extract::Request::builder().uri(path.replace(['{', '}', '*'], ""));
        let request = path::normalise(request.body(axum::body::Body::empty()).unwrap());
        assert_eq!(request.uri().path(), path.replace(['{', '}', '*'], ""));
    }
}
