print("kvplan")
